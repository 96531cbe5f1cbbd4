package dev.nudge.tensor;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/// Opens [Gemm]s of one native library; found by [ServiceLoader].
public interface GemmProvider {
  /// Returns the library's name and version, for example `oneDNN 3.13.0`.
  String name();

  /// The CPU instructions that its products may use, as it reports them; empty before loading.
  default String instructions() {
    return "";
  }

  /// Unpacks and loads the library, once per process.
  ///
  /// @param cache folder for unpacked libraries
  /// @return empty if the library is loaded, else the reason
  Optional<String> load(Path cache);

  /// Opens a Gemm for the calling lane that uses `threads` threads.
  Gemm open(int threads);

  /// Verifies products with known results, and disables each type or kind of code that computes a
  /// wrong one. Runs once per process and widths; takes about 0.1 s of one processor.
  ///
  /// @param widths of the model's layers, adjacent layers in order; may be empty
  /// @return one line for each type or kind of code that is disabled
  List<String> distrust(int... widths);

  /// Measures the speed of a small matrix product of one type.
  ///
  /// @return GFLOP/s of one thread on a square product of `dtype`; 0 if the type is not offered or
  ///     gave a wrong product
  double probe(Dtype dtype);

  /// Returns the provider on the class path, if any.
  static Optional<GemmProvider> find() {
    return ServiceLoader.load(GemmProvider.class).findFirst();
  }
}
