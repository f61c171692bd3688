//! A load carried out by this process or divided among several, all started together, whose answers come back to the one oracle.
//!
//! Each of several is this program again, with a pipe in and a pipe out: it is told its part of the plan, makes its connections, says
//! that it is ready, begins when it is told to, and hands over what it heard. One that does not do all of that fails the run.

mod generator;
mod wire;

use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;

use self::generator::Generator;
pub(crate) use self::generator::generate;
use crate::claims::Claims;
use crate::client::{Driven, Exchange as _, drive_after};
use crate::plan::{Part, Plan};

/// The generators of a run, which may carry out several loads on one campaign.
#[derive(Debug)]
pub(crate) struct Generators {
    /// Users that have asked so far, by part.
    users: Vec<u64>,
    /// No request leaves before.
    begins: Instant,
}

impl Generators {
    /// So many generators; one is this process itself.
    pub(crate) fn new(processes: u16) -> Self {
        assert!(processes > 0, "a load needs a generator");
        Self { users: vec![0; processes.into()], begins: Instant::now() }
    }

    /// The same, which wait until `begins` once their connections are made.
    pub(crate) fn beginning_at(self, begins: Instant) -> Self {
        Self { begins, ..self }
    }

    /// Carries out `plan` and adds what was heard to `claims`. With `newcomers`, nobody new in it has asked in an earlier load;
    /// without, the same people come again. The bar moves only while this process asks itself.
    ///
    /// # Errors
    /// When a connection cannot be made, there are fewer of them than generators, or a generator does not end as it should.
    pub(crate) fn drive(
        &mut self,
        plan: &Plan,
        newcomers: bool,
        claims: &mut Claims,
        bar: &ProgressBar,
    ) -> Result<Driven> {
        let of = u16::try_from(self.users.len()).context("so many processes")?;
        ensure!(plan.connections >= of, "{} connections for {of} processes: each needs one", plan.connections);
        let plans = (0..of).zip(&self.users).map(|(number, users)| {
            let users = if newcomers { *users } else { 0 };
            plan.part(Part { number, of }, users)
        });
        let plans: Vec<_> = plans.collect();
        let (driven, users) = match &plans[..] {
            [whole] => {
                claims.begin(whole.workload(), whole.manners());
                let begin = || {
                    wait_until(self.begins);
                    Ok(())
                };
                let driven = drive_after(whole.target, whole.width(), whole.pace(), claims, bar, begin)?;
                (driven, vec![claims.asked_in_load()])
            }
            parts => divided(parts, claims, self.begins)?,
        };
        for (known, users) in self.users.iter_mut().zip(users) {
            *known = users.max(*known);
        }
        claims.count_users(self.users.iter().sum());
        Ok(driven)
    }
}

fn wait_until(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}

/// Lets a process of its own carry out each of `parts`; says what that was like, and who has asked by now in each.
fn divided(parts: &[Plan], claims: &mut Claims, begins: Instant) -> Result<(Driven, Vec<u64>)> {
    claims.begin(parts[0].workload().after(0), parts[0].manners());
    let mut generators = parts.iter().map(Generator::start).collect::<Result<Vec<_>>>()?;
    generators.iter_mut().try_for_each(Generator::wait_until_ready)?;
    wait_until(begins);
    claims.begins(Instant::now());
    generators.iter_mut().try_for_each(Generator::go)?;
    let heard = thread::scope(|scope| {
        let listening: Vec<_> = generators.iter_mut().map(|generator| scope.spawn(|| generator.finish())).collect();
        let heard = listening.into_iter().map(|heard| heard.join().expect("listening does not panic"));
        heard.collect::<Result<Vec<_>>>()
    })?;
    let (mut all, mut users) = (Driven::default(), Vec::new());
    for (driven, heard) in heard {
        all.add(driven);
        users.push(heard.users);
        claims.take(heard);
    }
    Ok((all, users))
}
