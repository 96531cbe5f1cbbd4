/// Has the verbs of `adapters` and those that write a model or an adapter.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// ` `merge`, `export`, `quantize`, `release`:AdaptersPushVerb` first.
@NullMarked
package dev.nudge.cli.adapters;

import org.jspecify.annotations.NullMarked;
