//! Brings the bundles of the documentation pages into the build: Swagger UI, ReDoc and RapiDoc, out of packages that cargo has
//! fetched and `Cargo.lock` pins, so that the pages work without internet and no bundle stands in this repository.
//!
//! Swagger UI comes from a package made for that. ReDoc and RapiDoc lie in the sources of `poem-openapi`, which nothing here
//! compiles: it is a dependency under a `cfg` that is never set, and only `cargo metadata`, told that it were, looks for it.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The package whose sources hold the bundles, and each bundle with the name under which it is sent.
const PACKAGE: &str = "poem-openapi";
const FROM_PACKAGE: [(&str, &str); 2] =
    [("src/ui/redoc/redoc.standalone.js", "redoc.standalone.js"), ("src/ui/rapidoc/rapidoc-min.js", "rapidoc-min.js")];

/// What is taken of Swagger UI.
const OF_SWAGGER_UI: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let bundles = PathBuf::from(env::var("OUT_DIR")?).join("bundles");
    fs::create_dir_all(&bundles)?;
    swagger_ui(&bundles)?;
    let sources = sources_of(PACKAGE)?;
    for (path, name) in FROM_PACKAGE {
        let bundle = fs::read(sources.join(path)).map_err(|error| format!("{PACKAGE} holds no {path}: {error}"))?;
        fs::write(bundles.join(name), bundle)?;
    }
    Ok(())
}

fn swagger_ui(bundles: &Path) -> Result<(), Box<dyn Error>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED))?;
    for wanted in OF_SWAGGER_UI {
        let end = format!("/dist/{wanted}");
        let name = archive.file_names().flatten().find(|name| name.ends_with(&end)).map(|name| name.into_owned());
        let name = name.ok_or_else(|| format!("the package of Swagger UI holds no {wanted}"))?;
        let mut bundle = Vec::new();
        archive.by_name(&name)?.read_to_end(&mut bundle)?;
        fs::write(bundles.join(wanted), bundle)?;
    }
    Ok(())
}

/// Where cargo keeps the sources of `package`, which it fetches if they are not there yet.
fn sources_of(package: &str) -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &env::var("TARGET")?])
        .arg("--manifest-path")
        .arg(Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml"))
        // Only for this question; these flags would come before the others.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "--cfg landrush_bundles")
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let manifest =
        packages.iter().find(|found| found["name"] == package).and_then(|found| found["manifest_path"].as_str());
    let manifest = manifest.ok_or_else(|| format!("cargo metadata does not know {package}"))?;
    Ok(Path::new(manifest).parent().ok_or("a manifest lies in a directory")?.to_owned())
}
