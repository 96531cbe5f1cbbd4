/// Implements the verbs of `adapters`, and `merge`, `export`, `quantize` and `release`.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// `AdaptersPushVerb` first.
@NullMarked
package dev.nudge.cli.adapters;

import org.jspecify.annotations.NullMarked;
