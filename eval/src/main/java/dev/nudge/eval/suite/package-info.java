/// Holds an evaluation from settings to a verdict: [dev.nudge.eval.suite.Suite] has the tasks
/// asked, looks for their documents in the training set, judges by a policy and writes the report.
/// [dev.nudge.eval.suite.Suite#evaluate] is the front door for Java code.
///
/// Knows nothing about terminals; the command draws what it gives back. Read `Suite` first.
@NullMarked
package dev.nudge.eval.suite;

import org.jspecify.annotations.NullMarked;
