//! Linker options of the object.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        // The symbols of libkim-api come from the simulator; Linux linkers leave them undefined unasked.
        Ok("macos") => println!("cargo::rustc-cdylib-link-arg=-Wl,-undefined,dynamic_lookup"),
        Ok("linux") => println!("cargo::rustc-cdylib-link-arg=-Wl,--strip-all"),
        _ => {}
    }
}
