/// What a user can set, and what a user is told when it is wrong.
///
/// A settings record holds the values of one command. Each component carries its default, its
/// help text and its flag in one annotation, and the compact constructor checks the values.
/// Flags, YAML keys and help are derived from the record, so a default stands in one place.
/// Beside them are the errors that every package may throw, and the log of warnings that an
/// application does not take itself ([dev.nudge.settings.Warnings]).
///
/// It knows nothing about models, tensors, files of data or the command line.
///
/// Read `TrainSettings` first, then `Schema`.
@NullMarked
package dev.nudge.settings;

import org.jspecify.annotations.NullMarked;
