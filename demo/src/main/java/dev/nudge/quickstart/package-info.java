/// The quickstart: a base model learns the task of the invented world, and what that brought is
/// measured.
///
/// It calls the library as any program does and draws its rows from `dev.nudge.world`. It knows
/// nothing about flags, terminals or how results are drawn: it tells [Chapter]s, and returns a
/// [QuickstartResult]. Read [Quickstart] first.
@NullMarked
package dev.nudge.quickstart;

import org.jspecify.annotations.NullMarked;
