#!/usr/bin/env bash
# Fails on definitions whose names the project gave up: private words, and names that stood for many things.
# docs/glossary.md says which terms it uses instead.
set -euo pipefail
cd "$(dirname "$0")/.."

types='Wicket|Doorway|Handover|Reception|Keepsake|Mailbag|Letter|Halls?|HallView|Seated|Office|Whereabouts|Sighting|Watchdog'
types+='|Sittings?|Offence|Breach(es)?|Witness|Hurried|Allowance|Intake|Asker|Standing|Spot|Tally|Wakes|Passing|Declaration'
types+='|Household|Touched|Wiring|Knock(ed)?|Abilities|Wish|Deeds?|TextDeed|Beyond|Commons|Unseen|Slack|Almanac|Teller|Deck|Tape'
types+='|Trouble|Mistake|Stamp|Stall|Voices|Seats?|Town|Siege|Evening|Workshop|Chronicle|Torment|Crowd|House|Keeping|Pulse|Trail'
types+='|Light|Looks?|Mine|Calls|Late|News|Wanted|Heard|Ticket|Flight|Draft|Seen|Touch|Refusal|Place|Moment|Inner|Spoken'
constants='PATIENCE|MOST|KEPT|PAUSE|FEW|MANY|ENOUGH|AGAIN|BUSY|LOOK|EVERY|READ|CHECK|CLOSED|FETCH|BETWEEN_SWEEPS|A_PAGE'
definitions="(struct|enum|trait|type) ($types)|(const|static) ($constants)|mod (wicket|keepsake|hall|office|almanac|handout|sittings)"

if git grep -nwE "$definitions" -- '*.rs'; then
    echo "these names were given up; docs/glossary.md has the terms to use" >&2
    exit 1
fi
