/// Has the settings records of verbs other than training, and groups of settings that verbs share.
///
/// It knows nothing about training; `dev.nudge.settings.train` builds on it. Read `ModelSettings`
/// first.
@NullMarked
package dev.nudge.settings.verb;

import org.jspecify.annotations.NullMarked;
