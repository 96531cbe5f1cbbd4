/// Measures: programs that print numbers and assert nothing.
///
/// Not JMH: each program times whole steps, answers or processes, and lets what it compares take
/// turns on a machine whose load changes; JMH repeats one method in a fork of its own.
///
/// Knows nothing that a user needs at run time. Read `Roofline` first.
@NullMarked
package dev.nudge.bench;

import org.jspecify.annotations.NullMarked;
