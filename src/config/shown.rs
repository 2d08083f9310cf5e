//! The chosen database as `config show` prints it: redacted, each piece with its origin.

use super::Entry;
use super::target::Chosen;
use crate::db::target::{Password, ServerTarget, Target, escaped};

impl Chosen {
    /// The target's part of `config show`, the database itself first.
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
            add("not used", &unused.told, &unused.origin);
        }
        let context = self.context.as_ref();
        match context {
            Some(context) => add("context", &context.name, &context.origin),
            None => add("context", "(none)", "default"),
        }
        let flag = |flag: Option<&(bool, String)>| {
            flag.map_or((false, "default".to_owned()), |(is_set, origin)| (*is_set, origin.clone()))
        };
        let protected = flag(context.and_then(|context| context.protected.as_ref()));
        add("protected", &protected.0.to_string(), &protected.1);
        let read_only = flag(context.and_then(|context| context.read_only.as_ref()));
        add("read_only", &read_only.0.to_string(), &read_only.1);
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
        match &server.password {
            Some(Password::Known(_)) => add("password", "***", origin("password")),
            Some(Password::File(path)) => {
                add("password", &format!("the first line of {}", path.display()), origin("password"));
            }
            Some(Password::Command(_)) => add("password", "what password_command prints", origin("password")),
            Some(Password::Pgpass(path)) => {
                add("password", &format!("the line of {} that fits, if one does", path.display()), origin("password"));
            }
            None => add("password", "(none)", "default"),
        }
        let session = &server.session;
        if let Some(found) = &self.libpq_options {
            add("options", &found.text, &found.origin);
        }
        let wishes = [
            ("options", &session.options),
            ("search_path", &session.search_path),
            ("application_name", &session.application_name),
        ];
        for (name, wish) in wishes {
            if let Some(wish) =
                wish.as_ref().filter(|wish| self.libpq_options.as_ref().is_none_or(|found| found.text != **wish))
            {
                add(name, wish, &self.origin);
            }
        }
        if let Some(role) = session.role {
            add("target_session_attrs", role.as_str(), &self.origin);
        }
        if !self.passed_over.is_empty() {
            add("passed over", &self.passed_over.join(", "), &self.origin);
        }
    }
}
