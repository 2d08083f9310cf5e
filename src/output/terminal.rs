//! Properties of the standard streams, and whether they get colours.

use std::env;
use std::io::{self, IsTerminal};

use console::Term;

use super::ColorChoice;
use super::pager::{self, Screen};

/// Values of `CI` by which people turn it off.
const NOT_CI: [&str; 5] = ["", "0", "false", "no", "off"];

/// Whether `CI` is set, and not to one of [`NOT_CI`]: no questions and no pager then.
pub fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !NOT_CI.contains(&value.trim().to_lowercase().as_str()))
}

/// Properties of the streams and the environment. The fields are plain values, so that tests can set them.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_field_names, reason = "there are three streams, and each may be one")]
pub struct Terminal {
    pub stdin_is_terminal: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// The width of the terminal at stdout, in columns; `None` if nothing is to be shortened.
    pub width: Option<usize>,
    /// The height of the terminal at stdout, in rows.
    pub height: Option<usize>,
    /// The width of the one at stderr.
    pub stderr_width: Option<usize>,
    /// `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub no_color: bool,
    /// `CLICOLOR_FORCE` or `FORCE_COLOR` is set and neither empty nor `0` (<https://bixense.com/clicolors>,
    /// <https://force-color.org>).
    pub force_color: bool,
    /// `TERM=dumb`.
    pub is_dumb: bool,
    /// The user's pager, if there may be one.
    pub pager: Option<String>,
    /// Whether it supports block elements: a UTF-8 locale, and neither a dumb terminal nor the Linux console, whose
    /// font lacks most of them.
    pub has_blocks: bool,
}

impl Terminal {
    /// Inspects the streams and environment of this process.
    pub fn detect() -> Terminal {
        let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let forces = |name: &&str| is_set(name) && env::var_os(name).is_some_and(|value| value != "0");
        let is_term = |name| env::var_os("TERM").is_some_and(|value| value == name);
        // In the order of precedence of the C library (locale(7)).
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find(|name| is_set(name)).and_then(env::var_os);
        let locale = locale.unwrap_or_default().to_string_lossy().to_lowercase();
        let (height, width) = Term::stdout().size_checked().unzip();
        Terminal {
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            width: width.map(usize::from),
            height: height.map(usize::from),
            stderr_width: Term::stderr().size_checked().map(|(_rows, columns)| usize::from(columns)),
            no_color: is_set(&"NO_COLOR"),
            force_color: ["CLICOLOR_FORCE", "FORCE_COLOR"].iter().any(forces),
            is_dumb: is_term("dumb"),
            pager: pager::configured().filter(|_| !is_term("dumb") && !is_ci()),
            has_blocks: (locale.contains("utf-8") || locale.contains("utf8")) && !is_term("dumb") && !is_term("linux"),
        }
    }

    /// The screen at stdout, if what is longer goes to a pager.
    pub(super) fn screen(&self) -> Option<Screen> {
        let (columns, rows) = (self.width.filter(|width| *width > 0)?, self.height.filter(|height| *height > 0)?);
        let pager = self.pager.clone().filter(|_| self.stdout_is_terminal)?;
        Some(Screen { columns, rows, pager })
    }

    /// Whether a stream gets colours: the flag, then NO_COLOR, CLICOLOR_FORCE, TERM=dumb, TTY.
    pub fn has_color(&self, choice: ColorChoice, is_terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.no_color => false,
            ColorChoice::Auto if self.force_color => true,
            ColorChoice::Auto => is_terminal && !self.is_dumb,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_overrides_the_environment_for_each_stream() {
        let nothing = Terminal::default();
        let stderr_only = Terminal { stderr_is_terminal: true, ..nothing.clone() };
        assert!(!stderr_only.has_color(ColorChoice::Auto, stderr_only.stdout_is_terminal));
        assert!(stderr_only.has_color(ColorChoice::Auto, true));
        assert!(!stderr_only.has_color(ColorChoice::Never, true));

        let dumb = Terminal { is_dumb: true, ..stderr_only.clone() };
        assert!(!dumb.has_color(ColorChoice::Auto, true));
        assert!(Terminal { force_color: true, ..dumb.clone() }.has_color(ColorChoice::Auto, true));

        let refused = Terminal { no_color: true, force_color: true, ..dumb };
        assert!(!refused.has_color(ColorChoice::Auto, true));
        assert!(refused.has_color(ColorChoice::Always, false));
    }
}
