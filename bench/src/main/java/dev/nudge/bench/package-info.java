/// Measures: programs that print numbers and assert nothing.
///
/// Not JMH: each program times whole steps, answers or processes, and runs the compared sides in
/// turns on a machine whose load changes; JMH repeats one method in one fork.
///
/// Users need nothing of it at run time. Read `Roofline` first.
@NullMarked
package dev.nudge.bench;

import org.jspecify.annotations.NullMarked;
