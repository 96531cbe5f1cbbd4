/// Implements [dev.nudge.tensor.Gemm] by oneDNN, whose C functions it calls through the FFM API.
///
/// Three layers: `OneDnnGemm` caches primitives by shape, `Api` has one method handle for each C
/// function, `Natives` unpacks the library files into a cache folder and loads them. No other
/// package knows oneDNN; this one knows nothing about models or kernels. Read `OneDnnGemm` first.
@NullMarked
package dev.nudge.tensor.onednn;

import org.jspecify.annotations.NullMarked;
