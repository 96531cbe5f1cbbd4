/// Records what an adapter was trained on (`nudge.json`), and checks a given model against it.
///
/// Knows nothing about running models: it reads files. Read `Identity` first.
@NullMarked
package dev.nudge.identity;

import org.jspecify.annotations.NullMarked;
