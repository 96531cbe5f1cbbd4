package dev.nudge.tensor;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/// Opens [Gemm]s of one native library; found by [ServiceLoader].
public interface GemmProvider {
  /// The library's name and version, for example `oneDNN 3.13.0`.
  String name();

  /// What instructions its products may take, as far as it tells; empty before it is loaded.
  default String instructions() {
    return "";
  }

  /// Unpacks and loads the library, once a process.
  ///
  /// @param cache the folder that unpacked libraries are kept in
  /// @return empty where the machine has no such library, else a message that says why not
  Optional<String> load(Path cache);

  /// Opens a Gemm for the calling lane that uses `threads` threads.
  Gemm open(int threads);

  /// Multiplies known products and does not use again what gives a wrong one: a type or a kind of
  /// code. Once a process for the same widths; takes about 0.1 s of one processor.
  ///
  /// @param widths of the layers at hand, the ones of neighbours beside each other; may be empty
  /// @return one line for each thing that is not used any more
  List<String> distrust(int... widths);

  /// Multiplies one small product of each type and measures it.
  ///
  /// @return GFLOP/s of one thread on a square product of `dtype`; 0 where the type is not offered
  /// or
  ///     gave a wrong product
  double probe(Dtype dtype);

  /// The provider on the class path, if any.
  static Optional<GemmProvider> find() {
    return ServiceLoader.load(GemmProvider.class).findFirst();
  }
}
