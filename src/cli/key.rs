//! `landrush key`: makes management keys. Owns how one is shown: the key once, and what the server is to know of it.

use std::io::Write;
use std::process::ExitCode;

use crate::gate::management_keys::{KeyHash, Scope, new_key};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a key, show it once, and the lines for the configuration, which know it by its hash alone.
    New(NewArguments),
}

#[derive(Debug, clap::Args)]
pub(super) struct NewArguments {
    /// Whose key it is, for people.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    /// What it is for, separated by commas: read, campaigns:write, redemptions.
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true, value_parser = scope)]
    scopes: Vec<Scope>,
}

fn scope(word: &str) -> Result<Scope, &'static str> {
    Scope::from_word(word).ok_or("is not read, campaigns:write or redemptions")
}

pub(super) fn run(command: &Command) -> ExitCode {
    let Command::New(arguments) = command;
    let key = new_key(&mut |bytes| getrandom::fill(bytes).expect("the operating system has random bytes"));
    let shown = lines(arguments, &key);
    match std::io::stdout().lock().write_all(shown.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn lines(arguments: &NewArguments, key: &str) -> String {
    let words: Vec<_> = arguments.scopes.iter().map(|scope| format!("\"{}\"", scope.word())).collect();
    format!(
        "# The key, which is shown this once:\n#   {key}\n# For the configuration; a running server reads it on SIGHUP:\n\
         [[auth.management_keys]]\nname = {}\nsha256 = \"{}\"\nscopes = [{}]\n",
        toml::Value::String(arguments.name.clone()),
        KeyHash::of(key).to_hex(),
        words.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Raw;

    #[test]
    fn the_lines_are_settings_that_know_the_key_by_its_hash() {
        let arguments = NewArguments { name: String::from("a \"b\""), scopes: vec![Scope::Read, Scope::Redemptions] };
        let shown = lines(&arguments, "lrk_0");
        let raw: Raw = toml::from_str(&shown).expect("settings");
        let keys = raw.auth.management_keys.expect("a key");
        assert_eq!(keys[0].name.as_deref(), Some("a \"b\""));
        assert_eq!(keys[0].sha256, Some(KeyHash::of("lrk_0").to_hex()));
        assert_eq!(keys[0].scopes.as_deref(), Some(&[String::from("read"), String::from("redemptions")][..]));
        assert_eq!(shown.matches("lrk_0").count(), 1);
    }
}
