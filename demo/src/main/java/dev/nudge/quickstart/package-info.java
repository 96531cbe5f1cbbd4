/// The quickstart: fine-tunes a base model on a synthetic support task and measures the gain.
///
/// It calls the library as any program does and gets its rows from `dev.nudge.world`. It knows
/// nothing about flags, terminals or formatting: it reports [Chapter] events and returns a
/// [QuickstartResult]. Read [Quickstart] first.
@NullMarked
package dev.nudge.quickstart;

import org.jspecify.annotations.NullMarked;
