/// Quantisation that looks at rows: GPTQ and AWQ, layer by layer.
///
/// Knows nothing about adapters, nor about how codes lie in files, which is `quant`'s. Read
/// [CalibratedFolder] first; [HiddenStates] holds what layers read, [Hessian] what a linear layer
/// has seen, [Gptq] and [Awq] are the methods.
@NullMarked
package dev.nudge.calibrate;

import org.jspecify.annotations.NullMarked;
