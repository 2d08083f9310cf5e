//! The entries of the resolved target for `config show`: redacted, each with its origin.

use super::Entry;
use super::target::ResolvedTarget;
use crate::db::target::{Password, ServerTarget, Target, escaped};
use crate::file::password_file_name;

impl ResolvedTarget {
    /// The target's entries, the database first.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut add = |name, value: &str, origin: &str| {
            entries.push(Entry { name, value: escaped(value), origin: origin.to_owned() });
        };
        add("database", &self.target.to_string(), &self.origin);
        if let Target::Server(server) = &self.target {
            self.add_server(server, &mut add);
        }
        for unused in &self.unused {
            add("not used", &unused.message, &unused.origin);
        }
        let context = self.context.as_ref();
        match context {
            Some(context) => add("context", &context.name, &context.origin),
            None => add("context", "(none)", "default"),
        }
        for (number, name) in ["protected", "read_only"].into_iter().enumerate() {
            let flag = context.and_then(|context| context.flags[number].as_ref());
            let (is_set, origin) = flag.map_or((false, "default"), |(is_set, origin)| (*is_set, origin));
            add(name, &is_set.to_string(), origin);
        }
        entries
    }

    fn add_server(&self, server: &ServerTarget, add: &mut impl FnMut(&'static str, &str, &str)) {
        let origin = |name: &str| self.origins.get(name).map_or(self.origin.as_str(), String::as_str);
        add("ssl", server.ssl.as_str(), origin("ssl"));
        let files = &server.certificates;
        let files = [("ssl_root_cert", &files.root), ("ssl_cert", &files.client), ("ssl_key", &files.key)];
        for (name, file) in files {
            if let Some(file) = file {
                add(name, &file.to_string_lossy(), origin(name));
            }
        }
        let password = match &server.password {
            Some(Password::Known(_)) => "***".to_owned(),
            Some(Password::File(path)) => {
                let shown = password_file_name(path);
                format!("the first line of {}", shown.as_deref().unwrap_or("a file that does not exist"))
            }
            Some(Password::Command(_)) => "the output of password_command".to_owned(),
            Some(Password::Pgpass(path)) => format!("the matching line of {}, if any", path.display()),
            None => "(none)".to_owned(),
        };
        add("password", &password, if server.password.is_some() { origin("password") } else { "default" });
        let session = &server.session;
        if let Some(found) = &self.libpq_options {
            add("options", &found.text, &found.origin);
        }
        let session_settings = [
            ("options", &session.options),
            ("search_path", &session.search_path),
            ("application_name", &session.application_name),
        ];
        for (name, setting) in session_settings {
            if let Some(setting) = setting
                .as_ref()
                .filter(|setting| self.libpq_options.as_ref().is_none_or(|found| found.text != **setting))
            {
                add(name, setting, &self.origin);
            }
        }
        if let Some(role) = session.role {
            add("target_session_attrs", role.as_str(), &self.origin);
        }
        if !self.ignored.is_empty() {
            add("ignored", &self.ignored.join(", "), &self.origin);
        }
    }
}
