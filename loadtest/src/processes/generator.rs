//! One generator process, from both of its ends: as the run that starts it sees it, and as it is.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::claims::Heard;
use crate::client::{Driven, drive_after};
use crate::interrupted;
use crate::plan::Plan;
use crate::processes::wire;

/// What a generator says when its connections are made, and what it is told then.
const READY: &str = "ready";
const GO: &str = "go";

/// A generator that runs. It is ended with whoever holds this.
#[derive(Debug)]
pub(super) struct Generator {
    number: u16,
    child: Child,
    told: ChildStdin,
    says: BufReader<ChildStdout>,
}

impl Generator {
    /// Starts a generator and tells it what to do, once it is let go.
    ///
    /// # Errors
    /// When this program cannot be started again.
    pub(super) fn start(plan: &Plan) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(&program);
        command.arg("generate").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            interrupted::spawn(&mut command).with_context(|| format!("cannot start {}", program.display()))?;
        let told = child.stdin.take().context("a generator without input")?;
        let says = child.stdout.take().context("a generator without output")?;
        let mut generator = Self { number: plan.part.number, child, told, says: BufReader::new(says) };
        let order = serde_json::to_string(plan)?;
        generator.tell(&order)?;
        Ok(generator)
    }

    /// Waits until its connections are made.
    ///
    /// # Errors
    /// When it ends first.
    pub(super) fn wait_until_ready(&mut self) -> Result<()> {
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        ensure!(line.trim_end() == READY, "generator {} is not ready: {line:?}", self.number);
        Ok(())
    }

    /// Lets it begin.
    ///
    /// # Errors
    /// When it is gone.
    pub(super) fn go(&mut self) -> Result<()> {
        self.tell(GO)
    }

    /// Waits until it has done its part, and takes what it heard.
    ///
    /// # Errors
    /// When it ends without having handed over everything, or badly.
    pub(super) fn finish(&mut self) -> Result<(Driven, Heard)> {
        let found = wire::read(&mut self.says).with_context(|| format!("generator {}", self.number))?;
        let status = self.child.wait()?;
        ensure!(status.success(), "generator {} ended: {status}", self.number);
        Ok(found)
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        writeln!(self.told, "{line}").with_context(|| format!("generator {} does not listen", self.number))
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        interrupted::end(&mut self.child);
    }
}

/// Is a generator: does what standard input says, and writes what it heard to standard output.
///
/// # Errors
/// When the input is no plan or ends early, the server cannot be reached, or nobody takes what was heard.
pub(crate) fn generate() -> Result<()> {
    // A load without anybody who waits for it would only be in the way of the next.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut input = io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line)?;
    let plan: Plan = serde_json::from_str(&line).context("a generator is started by a run with --processes")?;
    let mut claims = plan.claims();
    let barrier = || {
        writeln!(io::stdout(), "{READY}")?;
        line.clear();
        input.read_line(&mut line)?;
        if line.trim_end() == GO { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof)) }
    };
    let bar = ProgressBar::hidden();
    let driven = drive_after(plan.target, plan.width(), plan.pace(), &mut claims, &bar, barrier)?;
    let mut output = io::BufWriter::new(io::stdout().lock());
    wire::write(driven, &claims.hand_over(), &mut output)?;
    Ok(output.flush()?)
}
