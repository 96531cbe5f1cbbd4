/// Quantisation that looks at rows: GPTQ and AWQ, layer by layer.
///
/// [CalibratedFolder] is the door and the order of things; [HiddenStates] holds what the layers read,
/// [Hessian] what a linear layer has seen, [Gptq] and [Awq] are the two methods. It knows nothing
/// about how codes lie in files, which is `quant`'s, nor about adapters.
@NullMarked
package dev.nudge.calibrate;

import org.jspecify.annotations.NullMarked;
