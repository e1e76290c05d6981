//! `scry login`, `logout` and `whoami`.

use std::io::{BufRead, IsTerminal, Read, Write};

use scry_client::api::Api;
use scry_client::auth::Auth;
use scry_client::credentials::CredentialStore;
use scry_client::disk::DiskCache;
use scry_client::error::ApiError;
use scry_client::outbox::OutboxStores;
use scry_client::secret::Secret;
use scry_command::exit::Exit;
use scry_config::client::Settings;
use scry_config::process_env;
use scry_text as text;

use super::args::{LoginArgs, StoreKind};
use super::context::CliContext;
use super::error::CliError;

/// Bounds what is read as a password.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Logs in and keeps the tokens.
///
/// # Errors
/// [`CliError`] when no password can be had, the server refuses it, or the tokens cannot be kept.
pub(super) async fn login(context: &CliContext, args: &LoginArgs) -> Result<Exit, CliError> {
    // Nobody types a password for a server that is not there.
    context.http()?.ping().await?;
    let username = username(context, args)?;
    let password = password(context, args, &username)?;
    let store = args.store.map(|kind| match kind {
        StoreKind::Keyring => CredentialStore::Keyring,
        StoreKind::File => CredentialStore::File,
    });
    let api = Api::new(context.http()?, Auth::stored(context.http()?, context.credentials()));
    let (user, place) = api.login(&username, &password, store).await?;
    let name = text::line(&user.username);
    let kept = place.map_or_else(String::new, |place| format!("; the login is kept in {place}"));
    context.say(&format!("logged in to {} as {name}{kept}", context.settings.server.url));
    Ok(Exit::Met)
}

/// Forgets the tokens, here and on the server.
///
/// # Errors
/// [`CliError`] when the kept tokens cannot be removed, or the server was not told.
pub(super) async fn logout(context: &CliContext) -> Result<Exit, CliError> {
    let http = context.http()?;
    let auth = Auth::stored(http.clone(), context.credentials());
    let user = auth.user().await;
    let Settings { dirs, server, .. } = &context.settings;
    // What only this user may see must not stay behind.
    DiskCache::of(&dirs.data, server, user.as_ref().map(|user| &user.id))
        .clear()
        .map_err(CliError::io("cannot remove the campaigns kept on disk"))?;
    let waiting =
        OutboxStores::of(&dirs.data, server, user.as_ref().map(|user| &user.id)).waiting().unwrap_or_default();
    if !waiting.is_empty() {
        context.say("edits still wait in the outbox; they are kept for your next login (`scry outbox` lists them)");
    }
    let was_in = auth.logout().await?;
    let state = if was_in { "logged out of" } else { "you were not logged in to" };
    context.say(&format!("{state} {}", http.base()));
    Ok(Exit::Met)
}

/// Prints the name of the logged-in user, as the server knows them.
///
/// # Errors
/// [`CliError`] when nobody is logged in or the server cannot be asked.
pub(super) async fn whoami(context: &CliContext) -> Result<Exit, CliError> {
    let user = context.api()?.me().await?;
    let line = format!("{} at {}\n", text::line(&user.username), context.settings.server.url);
    std::io::stdout().write_all(line.as_bytes()).map_err(CliError::io("cannot write to stdout"))?;
    Ok(Exit::Met)
}

fn username(context: &CliContext, args: &LoginArgs) -> Result<String, CliError> {
    if let Some(name) = args.username.clone().or_else(|| process_env("SCRY_USERNAME")) {
        return Ok(name);
    }
    if args.password_stdin || !std::io::stdin().is_terminal() {
        return Err(CliError::Usage("name the user with --username or SCRY_USERNAME".to_owned()));
    }
    ask_username(context)
}

#[expect(clippy::print_stderr, reason = "a prompt belongs on stderr")]
fn ask_username(context: &CliContext) -> Result<String, CliError> {
    eprint!("User name for {}: ", context.settings.server.url);
    let mut name = String::new();
    std::io::stdin().lock().read_line(&mut name).map_err(CliError::io("cannot read the user name"))?;
    match name.trim() {
        "" => Err(CliError::Usage("no user name was given".to_owned())),
        name => Ok(name.to_owned()),
    }
}

fn password(context: &CliContext, args: &LoginArgs, username: &str) -> Result<Secret, CliError> {
    if args.password_stdin {
        return password_from_stdin();
    }
    if let Some(password) = process_env("SCRY_PASSWORD") {
        return Ok(Secret::new(password));
    }
    let prompt = format!("Password of {} at {}: ", text::line(username), context.settings.server.url);
    rpassword::prompt_password(prompt).map(Secret::new).map_err(|_| {
        CliError::Usage(
            "there is no terminal to ask for the password; use --password-stdin or SCRY_PASSWORD".to_owned(),
        )
    })
}

fn password_from_stdin() -> Result<Secret, CliError> {
    let mut password = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_PASSWORD_BYTES)
        .read_to_string(&mut password)
        .map_err(CliError::io("cannot read the password from standard input"))?;
    match password.lines().next() {
        None | Some("") => Err(CliError::Usage("standard input held no password".to_owned())),
        Some(first) => Ok(Secret::new(first)),
    }
}

/// Logs `api` in before the dashboard opens, if nobody is logged in.
///
/// # Errors
/// As [`again`].
pub(super) async fn ensure(context: &CliContext, api: &Api) -> Result<Option<String>, CliError> {
    if process_env("SCRY_TOKEN").is_some() {
        return Ok(None);
    }
    let reason = match context.credentials().load().await {
        Ok(Some(_)) => return Ok(None),
        Ok(None) => ApiError::LoginRequired { reason: "you are not logged in; run `scry login`".to_owned() },
        Err(error) => error.into(),
    };
    again(context, api, &reason).await
}

/// Logs `api` in because of `reason`, if there is somebody to ask and a login can help.
///
/// A login that cannot be kept is good until the program ends; a sentence for the person says so then.
/// Tokens go into a file only where somebody has asked for it.
///
/// # Errors
/// `reason` itself when there is nobody to ask; else as [`login`].
pub(super) async fn again(context: &CliContext, api: &Api, reason: &ApiError) -> Result<Option<String>, CliError> {
    let can_ask = process_env("SCRY_PASSWORD").is_some() || std::io::stdin().is_terminal();
    if !can_ask || process_env("SCRY_TOKEN").is_some() {
        return Err(reason.clone().into());
    }
    context.http()?.ping().await?;
    let args = LoginArgs { username: None, password_stdin: false, store: None };
    let username = username(context, &args)?;
    let password = password(context, &args, &username)?;
    match api.login(&username, &password, None).await {
        Ok(_) => Ok(None),
        Err(ApiError::Credentials(why)) => {
            let sentence = format!("this login lasts until you quit: {why}");
            context.say(&sentence);
            Ok(Some(sentence))
        }
        Err(error) => Err(error.into()),
    }
}
