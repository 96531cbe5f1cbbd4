/// Implements the verbs of `models`, the cache of models on this machine.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// `ModelsListVerb` first.
@NullMarked
package dev.nudge.cli.models;

import org.jspecify.annotations.NullMarked;
