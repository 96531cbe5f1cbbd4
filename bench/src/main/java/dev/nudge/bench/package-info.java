/// Measures: programs that print numbers and assert nothing.
///
/// Knows nothing that a user needs at run time. Read `Roofline` first.
@NullMarked
package dev.nudge.bench;

import org.jspecify.annotations.NullMarked;
