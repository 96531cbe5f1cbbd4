/// Defines the settings of verbs other than training, and settings that verbs share.
///
/// It knows nothing about training; `dev.nudge.settings.train` builds on it. Read `ModelSettings`
/// first.
@NullMarked
package dev.nudge.settings.verb;

import org.jspecify.annotations.NullMarked;
