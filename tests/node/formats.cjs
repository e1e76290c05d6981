// Reads what scry writes with the readers that others use: node formats.cjs junit|tap|schema FILE [SCHEMA].
// Prints what it found as JSON; a file that does not follow its format ends it with 1 and the reason.
"use strict";

const fs = require("node:fs");
const { XMLParser, XMLValidator } = require("fast-xml-parser");
const { Parser } = require("tap-parser");
const Ajv = require("ajv/dist/2020");

const [kind, file, schema] = process.argv.slice(2);
const text = fs.readFileSync(file, "utf8");

const readers = {
  junit() {
    const valid = XMLValidator.validate(text);
    if (valid !== true) throw new Error(JSON.stringify(valid.err));
    const options = { ignoreAttributes: false, attributeNamePrefix: "", isArray: (name) => name === "testcase" };
    return new XMLParser(options).parse(text).testsuites;
  },

  tap() {
    const found = [];
    const parser = new Parser({ strict: true });
    parser.on("assert", ({ ok, name, skip }) => found.push({ ok, name, skip: skip || false }));
    let result;
    parser.on("complete", (complete) => (result = complete));
    parser.end(text);
    if (result.failures.some((failure) => failure.tapError)) throw new Error(JSON.stringify(result.failures));
    return { ok: result.ok, plan: result.plan.end, found };
  },

  schema() {
    const ajv = new Ajv({ allErrors: true });
    const validate = ajv.compile(JSON.parse(fs.readFileSync(schema, "utf8")));
    return { valid: validate(JSON.parse(text)), errors: validate.errors };
  },
};

try {
  console.log(JSON.stringify(readers[kind]()));
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
