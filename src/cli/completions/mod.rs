//! `shopctl completions`: the script that a shell loads, and the answers that it asks for at each Tab.
//!
//! clap_complete's engine finds what may come next on the line. The scripts and their protocol are shopctl's own,
//! because Bash splits e-mail addresses and `PRODUCT:N` into several words, which those of clap_complete do not mend:
//!
//! ```text
//! shopctl __complete bash LINE WORD           the line up to the cursor, and the end of it that Bash replaces
//! shopctl __complete SHELL INDEX WORD…        elsewhere: the words, and which of them is to be completed
//! ```
//!
//! An answer is a value on each line, elsewhere than in Bash with a tab and a description.

mod bash;
mod values;

use std::ffi::OsString;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use clap_complete::CompletionCandidate;

use self::bash::BashLine;
use crate::cli::Cli;
use crate::cli::shared::arguments::name_of;
use crate::domain::text::is_unsafe;
use crate::error::Result;
use crate::output::{Output, OutputSettings};

#[derive(Debug, Args)]
#[command(
    after_help = "Values of the shop are offered too, such as e-mail addresses, SKUs and references, but not in a \
                  protected context, and only if the database answers at once. Where the script belongs:

  bash         ~/.local/share/bash-completion/completions/shopctl
  zsh          _shopctl in a folder of $fpath
  fish         ~/.config/fish/completions/shopctl.fish
  powershell   in $PROFILE: shopctl completions powershell | Out-String | iex

Examples:
  source <(shopctl completions bash)
  shopctl completions zsh > _shopctl"
)]
pub struct Arguments {
    /// Shell: bash, zsh, fish or powershell
    #[arg(value_name = "SHELL", value_parser = name_of(Shell::ALL, Shell::as_str), hide_possible_values = true)]
    shell: Shell,
}

crate::domain::named_enum! {
    /// A shell that completes commands.
    pub enum Shell {
        Bash = "bash",
        Zsh = "zsh",
        Fish = "fish",
        Pwsh = "powershell",
    }
}

impl Shell {
    fn script(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("scripts/shopctl.bash"),
            Shell::Zsh => include_str!("scripts/_shopctl"),
            Shell::Fish => include_str!("scripts/shopctl.fish"),
            Shell::Pwsh => include_str!("scripts/shopctl.ps1"),
        }
    }
}

pub fn run(output: &Output, arguments: &Arguments) -> Result<()> {
    output.text(arguments.shell.script())
}

/// The first argument by which a script asks. No command of shopctl, so that the help does not have it.
const REQUEST: &str = "__complete";

/// How long a shell waits for an answer at most, whatever hangs.
const LIMIT: Duration = Duration::from_millis(250);

/// What a script asks.
pub struct Request {
    /// The line of Bash, which needs its own spelling.
    bash: Option<BashLine>,
    words: Vec<OsString>,
    /// The word to complete.
    index: usize,
}

impl Request {
    /// The request in the arguments of this process, if it is one.
    pub fn find(arguments: &[OsString]) -> Option<Request> {
        let [_, request, shell, place, rest @ ..] = arguments else { return None };
        if request != REQUEST {
            return None;
        }
        if shell == Shell::Bash.as_str() {
            let replaced = rest.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
            let line = BashLine::new(&place.to_string_lossy(), &replaced);
            let words: Vec<OsString> = line.words().iter().map(OsString::from).collect();
            let index = words.len().saturating_sub(1);
            return Some(Request { bash: Some(line), words, index });
        }
        let index = place.to_str().and_then(|place| place.parse().ok()).unwrap_or(rest.len()).min(rest.len());
        let mut words: Vec<OsString> = rest.iter().take(index + 1).cloned().collect();
        // Some shells leave an empty word out.
        words.resize(index + 1, OsString::new());
        if shell == Shell::Fish.as_str()
            && let Some(typed) = words.last_mut()
        {
            // fish gives it with its quotes.
            *typed = BashLine::new(&typed.to_string_lossy(), "").words().concat().into();
        }
        Some(Request { bash: None, words, index })
    }

    /// Prints the answer. Nothing is ever said but that: every failure is no answer.
    pub fn answer(self) {
        std::panic::set_hook(Box::new(|_| {}));
        let (sender, receiver) = mpsc::channel();
        // What hangs ends with the process.
        thread::spawn(move || sender.send(self.lines()));
        if let Ok(lines) = receiver.recv_timeout(LIMIT) {
            drop(Output::standard(OutputSettings::default()).text(&lines));
        }
    }

    fn lines(&self) -> String {
        let lines = self.candidates().into_iter().filter_map(|candidate| {
            let value = candidate.get_value().to_str().filter(|value| !value.contains(is_unsafe))?;
            if let Some(line) = &self.bash {
                return line.spelled(value);
            }
            let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
            let help: String = help.lines().next().unwrap_or_default().chars().filter(|c| !is_unsafe(*c)).collect();
            Some(if help.is_empty() { value.to_owned() } else { format!("{value}\t{help}") })
        });
        lines.map(|line| line + "\n").collect()
    }

    fn candidates(&self) -> Vec<CompletionCandidate> {
        let mut program = values::with_values(Cli::whole(), &self.words);
        let folder = std::env::current_dir().ok();
        let found = clap_complete::engine::complete(&mut program, self.words.clone(), self.index, folder.as_deref());
        let mut found = found.unwrap_or_default();
        let is_flag = |candidate: &CompletionCandidate| candidate.get_value().to_string_lossy().starts_with('-');
        // Flags only where somebody begins one, or where there is nothing else.
        let begins_flag = self.words[self.index].to_string_lossy().starts_with('-');
        if !begins_flag && !found.iter().all(is_flag) {
            found.retain(|candidate| !is_flag(candidate));
        }
        // Nothing is twice in a list such as `paid,shipped`.
        found.retain(|candidate| {
            let value = candidate.get_value().to_string_lossy();
            let list = value.strip_prefix("--").and_then(|long| Some(long.split_once('=')?.1)).unwrap_or(&value);
            list.rsplit_once(',').is_none_or(|(before, last)| before.split(',').all(|earlier| earlier != last))
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OrderStatus;

    fn answered(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<OsString> = ["shopctl", REQUEST].iter().chain(arguments).map(OsString::from).collect();
        Request::find(&arguments).expect("a request").lines().lines().map(str::to_owned).collect()
    }

    #[test]
    fn commands_flags_and_words_are_completed() {
        let names = |arguments: &[&str]| -> Vec<String> {
            answered(arguments).iter().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(names(&["zsh", "1", "shopctl", "pro"]), ["product"]);
        assert_eq!(names(&["fish", "2", "shopctl", "product", "re"]), ["retire", "restore"]);
        assert_eq!(names(&["zsh", "3", "shopctl", "order", "list", "--sta"]), ["--status"]);
        assert_eq!(
            names(&["zsh", "4", "shopctl", "order", "list", "--status"]),
            OrderStatus::ALL.map(OrderStatus::as_str)
        );
        assert_eq!(names(&["zsh", "3", "shopctl", "order", "list", "--status=paid,sh"]), ["--status=paid,shipped"]);
        assert_eq!(names(&["bash", "shopctl user list --status dis", "dis"]), ["disabled"]);
        assert_eq!(names(&["bash", "shopctl completions ", ""]), Shell::ALL.map(Shell::as_str));
        assert_eq!(names(&["fish", "4", "shopctl", "user", "list", "--status", "\"dis"]), ["disabled"]);
        assert!(names(&["zsh", "2", "shopctl", "order"]).contains(&"refund".to_owned()));
        assert_eq!(names(&["zsh", "1", "shopctl", "__"]), [] as [&str; 0], "the request itself is no command");
    }

    #[test]
    fn strange_requests_have_no_answer() {
        for arguments in [&["bash"][..], &["zsh", "x"], &["zsh", "99", "a"], &["bash", "", ""], &["nosh", "0"]] {
            let line: Vec<OsString> = ["shopctl", REQUEST].iter().chain(arguments).map(OsString::from).collect();
            drop(Request::find(&line).map(|request| request.lines()));
        }
    }
}
