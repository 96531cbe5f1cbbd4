/// Draws loss curves of runs. Reads `metrics.jsonl`, smooths and downsamples the losses, and draws
/// them as SVG and as text.
///
/// It knows nothing about training, run folders, or the command line.
///
/// Read `Curves` first, then `LossSvg`.
@NullMarked
package dev.nudge.curves;

import org.jspecify.annotations.NullMarked;
