//! Owns how a command finds its server: the address to speak to, and the admin key to bear.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;
use hyper::header::HeaderValue;
use thiserror::Error;

use super::failure::Failure;
use crate::gate::admin_key;

/// Where these arguments stand in the help.
const HEADING: &str = "Server";

/// Which server, and with what right.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ServerArguments {
    /// The server's address; plain http.
    #[arg(long, value_name = "URL", env = "LANDRUSH_SERVER", default_value = "http://127.0.0.1:8080")]
    #[arg(global = true, help_heading = HEADING)]
    pub(super) server: Address,
    /// The server's admin key. Better given in the environment: other users see what a command line says.
    #[arg(long, value_name = "KEY", env = admin_key::VARIABLE, hide_env_values = true)]
    #[arg(global = true, help_heading = HEADING)]
    admin_key: Option<Secret>,
    /// The data directory of a server on this machine: its key file is read where no key is given [default, for a server on
    /// a loopback address: landrush-data] [env, likewise: LANDRUSH_DATA_DIR=]
    #[arg(long, value_name = "DIR")]
    #[arg(global = true, help_heading = HEADING)]
    data_dir: Option<PathBuf>,
}

/// Text that is never shown.
#[derive(Clone)]
struct Secret(String);

/// The header that bears the admin key, and where the key comes from.
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) authorization: Option<HeaderValue>,
    pub(super) origin: KeyOrigin,
}

/// Where the admin key comes from: what helps when a server does not take it.
#[derive(Debug)]
pub(in crate::cli) enum KeyOrigin {
    /// The flag or the environment.
    Given,
    /// The key file of a data directory.
    File(PathBuf),
    /// There is such a file, and it cannot be read.
    Unreadable(PathBuf, io::Error),
    /// There is none.
    Nowhere,
}

impl ServerArguments {
    /// The admin key. Public calls go without one, so that having none is no error yet.
    pub(super) fn credential(&self) -> Result<Credential, Failure> {
        if let Some(Secret(key)) = &self.admin_key {
            let place = format!("given by --admin-key or {}", admin_key::VARIABLE);
            return Ok(Credential { authorization: Some(bearer(key, &place)?), origin: KeyOrigin::Given });
        }
        let Some(directory) = self.key_directory(std::env::var_os("LANDRUSH_DATA_DIR")) else {
            return Ok(Credential { authorization: None, origin: KeyOrigin::Nowhere });
        };
        let path = directory.join("keys").join("admin.key");
        match std::fs::read_to_string(&path) {
            Ok(key) => {
                let authorization = bearer(key.trim_end(), &format!("in {}", path.display()))?;
                Ok(Credential { authorization: Some(authorization), origin: KeyOrigin::File(path) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Credential { authorization: None, origin: KeyOrigin::Nowhere })
            }
            Err(error) => Ok(Credential { authorization: None, origin: KeyOrigin::Unreadable(path, error) }),
        }
    }

    /// The data directory whose key may be sent. The key of this machine's server is not for somebody else's to see, unless
    /// this very command says so.
    fn key_directory(&self, environment: Option<OsString>) -> Option<PathBuf> {
        let unsaid = || environment.map_or_else(|| PathBuf::from("landrush-data"), PathBuf::from);
        self.data_dir.clone().or_else(|| self.server.is_loopback().then(unsaid))
    }
}

fn bearer(key: &str, place: &str) -> Result<HeaderValue, Failure> {
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::Usage(format!("the admin key {place} must be visible ASCII characters, without spaces")));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).expect("visible ASCII stands in a header");
    value.set_sensitive(true);
    Ok(value)
}

impl FromStr for Secret {
    type Err = Infallible;

    /// Takes anything: an error here would be printed together with the text.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Address {
    /// A name, or an IP address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Both as they were given: for the header `Host`, and for people.
    pub(super) authority: String,
}

/// Why a text is no address of a server.
#[derive(Debug, Error, PartialEq, Eq)]
pub(in crate::cli) enum AddressError {
    /// It is no URL with a scheme and a host.
    #[error("must be a URL, as http://127.0.0.1:8080")]
    NotAUrl,
    /// It asks for TLS.
    #[error("https is not spoken here: give the plain http address of the server, or of a tunnel to it")]
    Https,
    /// It has a scheme that is not HTTP.
    #[error("must begin with http://")]
    Scheme,
    /// It says more than where the server is.
    #[error("must be only a host and a port, as http://127.0.0.1:8080: no user, path or query")]
    More,
}

impl Address {
    /// Whether nobody outside this machine can be listening there.
    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url: Uri = text.parse().map_err(|_| AddressError::NotAUrl)?;
        match url.scheme_str() {
            None => return Err(AddressError::NotAUrl),
            Some("http") => {}
            Some("https") => return Err(AddressError::Https),
            Some(_) => return Err(AddressError::Scheme),
        }
        let authority = url.authority().ok_or(AddressError::NotAUrl)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || authority.as_str().contains('@') {
            return Err(AddressError::More);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = match authority.as_str().rsplit_once(':') {
            // The colons of a bare IPv6 address are within brackets.
            Some((_, port)) if !port.ends_with(']') => port.parse().map_err(|_| AddressError::NotAUrl)?,
            Some(_) | None => 80,
        };
        if host.is_empty() {
            return Err(AddressError::NotAUrl);
        }
        Ok(Self { host, port, authority: authority.to_string() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, u16), AddressError>) {
        let parsed = text.parse().map(|address: Address| (address.host, address.port));
        assert_eq!(parsed, expected.map(|(host, port)| (host.to_owned(), port)), "{text}");
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        check("http://127.0.0.1:8080", Ok(("127.0.0.1", 8080)));
        check("http://shop.example/", Ok(("shop.example", 80)));
        check("http://[::1]:9000", Ok(("::1", 9000)));
        check("http://[::1]", Ok(("::1", 80)));
        check("https://shop.example", Err(AddressError::Https));
        check("ftp://shop.example", Err(AddressError::Scheme));
        check("127.0.0.1:8080", Err(AddressError::NotAUrl));
        check("http://", Err(AddressError::NotAUrl));
        check("http://shop.example:99999", Err(AddressError::NotAUrl));
        check("http://shop.example/landrush", Err(AddressError::More));
        check("http://me@shop.example", Err(AddressError::More));
    }

    fn arguments(server: &str, key: Option<&str>) -> ServerArguments {
        let server = server.parse().expect("an address");
        ServerArguments { server, admin_key: key.map(|key| Secret(key.to_owned())), data_dir: None }
    }

    #[test]
    fn the_key_of_this_machine_goes_to_no_other_unless_it_is_told_to() {
        for (server, is_local) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://10.0.0.7:8080", false),
            ("http://localhost.example", false),
        ] {
            let mut arguments = arguments(server, None);
            let of_environment = arguments.key_directory(Some("from-environment".into()));
            assert_eq!(of_environment, is_local.then(|| "from-environment".into()), "{server}");
            assert_eq!(arguments.key_directory(None), is_local.then(|| "landrush-data".into()), "{server}");
            arguments.data_dir = Some("named".into());
            assert_eq!(arguments.key_directory(Some("from-environment".into())), Some("named".into()), "{server}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let arguments_with_key = arguments("http://127.0.0.1:1", Some("key-0123456789abcdef"));
        let credential = arguments_with_key.credential().expect("a key");
        let shown = format!("{arguments_with_key:?} {credential:?}");
        assert!(!shown.contains("0123456789"), "{shown}");
        for unfit in ["", "with space", "\u{e4}"] {
            let refused = arguments("http://127.0.0.1:1", Some(unfit)).credential();
            assert!(matches!(refused, Err(Failure::Usage(_))), "{unfit}");
        }
    }
}
