/// Runs an evaluation end to end, from settings to a verdict: [dev.nudge.eval.suite.Suite]
/// evaluates the tasks, scans the training set for leaks, asks the judge, applies the policy and
/// writes the report. [dev.nudge.eval.suite.Suite#evaluate] is the entry for Java code.
///
/// Knows nothing about terminals. Read `Suite` first.
@NullMarked
package dev.nudge.eval.suite;

import org.jspecify.annotations.NullMarked;
