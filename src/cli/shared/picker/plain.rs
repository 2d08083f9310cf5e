//! The choice on a terminal that cannot move its cursor: a text to search for, then the number of an entry.

use super::{Choice, Entry, Picker, PickerState, SearchResult, align_columns};
use crate::cli::shared::keys::Key;
use crate::cli::shared::prompt::{Question, prompt_error};
use crate::cli::shared::screen::Size;
use crate::error::Result;
use crate::repository::Match;

impl Picker<'_> {
    /// As [`Picker::pick`], line by line.
    pub(super) async fn pick_plainly<T>(
        &self,
        find: &impl AsyncFn(&str, Match) -> Result<Vec<Entry<T>>>,
    ) -> Result<Choice<T>> {
        loop {
            let Some(text) = Question::value(self.question, self.done).escape(self.escape).ask().await? else {
                return Ok(Choice::Back);
            };
            if text.trim().is_empty() && self.done.is_some() {
                return Ok(Choice::Done);
            }
            let mut state = PickerState::new(false);
            state.press(Key::Pasted(text)).map_err(prompt_error)?;
            while let Some((text, how)) = state.next_query() {
                let entries = find(&text, how).await?;
                state.apply_result(SearchResult { text, how, entries });
            }
            if let Some(chosen) = self.choose(state).await? {
                return Ok(Choice::Selected(chosen));
            }
        }
    }

    /// Asks which of several entries is meant; `None` to search again.
    async fn choose<T>(&self, mut state: PickerState<T>) -> Result<Option<T>> {
        let has_text = !state.text().is_empty();
        match state.entries.len() {
            0 => {
                self.context.output.warn(state.state().0);
                return Ok(None);
            }
            1 if has_text => return Ok(state.entries.pop().map(|entry| entry.value)),
            _ => {}
        }
        let number = 5;
        let lines: String = align_columns(&state.entries, Size::of_terminal().width.saturating_sub(number))
            .iter()
            .zip(1..)
            .map(|(line, number)| format!("{number:>3}  {line}\n"))
            .collect();
        let more = if state.has_more { state.state().0 } else { "" };
        self.context.output.say(format!("{lines}{more}").trim_end());
        let answer = Question::value("number", Some("search again")).escape("back").ask().await?.unwrap_or_default();
        let number = answer.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let position = number.filter(|position| *position < state.entries.len());
        if position.is_none() && !answer.trim().is_empty() {
            self.context.output.warn(&format!("this is not a number between 1 and {}", state.entries.len()));
        }
        Ok(position.map(|position| state.entries.swap_remove(position).value))
    }
}
