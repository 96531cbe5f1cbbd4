/// The settings of all commands, and the exceptions for wrong ones.
///
/// A settings record holds the values of one command. Each component has an annotation with its
/// flag, default and help text, and the compact constructor validates the values. Flags, YAML keys
/// and help are derived from the record, so each default is written once. The package also has the
/// exceptions that every package may throw, and the log of warnings for applications that do not
/// handle them ([dev.nudge.settings.Warnings]).
///
/// It knows nothing about models, tensors, data files or the command line. Read `TrainSettings`
/// first, then `Schema`.
@NullMarked
package dev.nudge.settings;

import org.jspecify.annotations.NullMarked;
