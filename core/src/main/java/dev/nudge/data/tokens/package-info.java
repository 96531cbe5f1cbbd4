/// Has token ids of rows and which of them are trained, in one table.
///
/// It knows nothing about files. Read `Example` first.
@NullMarked
package dev.nudge.data.tokens;

import org.jspecify.annotations.NullMarked;
