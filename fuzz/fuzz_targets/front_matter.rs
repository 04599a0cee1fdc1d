//! An endpoint file: diagnostics that can be shown, or an endpoint whose halves agree.
#![no_main]

use howdah::{definition::file, diagnostic::SourceFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = SourceFile::new("a.sql", text);
    match file::read(&source, "a") {
        Ok((endpoint, warnings)) => {
            assert!(!warnings.has_errors());
            for name in &endpoint.statement.parameters {
                assert!(endpoint.parameters.iter().any(|parameter| parameter.name == *name));
            }
            for parameter in &endpoint.parameters {
                assert!(text.get(parameter.span.clone()).is_some());
            }
        }
        Err(errors) => {
            assert!(errors.has_errors());
            errors.render(false);
            errors.to_json();
        }
    }
});
