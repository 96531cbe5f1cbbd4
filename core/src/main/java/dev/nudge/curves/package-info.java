/// The curves of runs: reads `metrics.jsonl`, smooths and thins out a line, draws it as SVG and as
/// text.
///
/// It knows nothing about how a run is made, of folders, or of the command line.
///
/// Read `Curves` first, then `LossSvg`.
@NullMarked
package dev.nudge.curves;

import org.jspecify.annotations.NullMarked;
