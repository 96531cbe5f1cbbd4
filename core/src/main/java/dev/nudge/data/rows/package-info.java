/// Reads rows and recognises their shapes.
///
/// It knows nothing about tokens. Read `RowReader` and `RowShape` first.
@NullMarked
package dev.nudge.data.rows;

import org.jspecify.annotations.NullMarked;
