/// Binds oneDNN's C functions through the FFM API as a provider of [dev.nudge.tensor.Gemm].
///
/// Three layers: `OneDnnGemm` keeps primitives by shape, `Api` holds one method handle a C
/// function, `Natives` puts the library files into a cache folder and loads them. Nothing
/// outside this package knows oneDNN; it knows nothing about models or kernels. Read
/// `OneDnnGemm` first.
@NullMarked
package dev.nudge.tensor.onednn;

import org.jspecify.annotations.NullMarked;
