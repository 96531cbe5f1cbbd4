/// Records what an adapter was trained on (`nudge.json`), and checks that a given model is its
/// base.
///
/// Knows nothing about running models: it reads files. Read `Identity` first.
@NullMarked
package dev.nudge.identity;

import org.jspecify.annotations.NullMarked;
