package dev.nudge.cli.machine;

import dev.nudge.cli.console.Failure;
import dev.nudge.cli.console.SearchPath;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.code.CodeKernels;
import dev.nudge.kernel.simd.VectorKernels;
import dev.nudge.machine.Backend;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.GemmProvider;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Checks the JVM and the native libraries for `nudge doctor`, by loading them.
final class Software {
  /// Layer widths of SmolLM2-135M and Llama 3, for test products.
  private static final int[] WIDTHS = {576, 1536, 4096, 14336};

  private static final String COMPUTE = "compute type";
  private static final String PLAIN = "plain Java"; // matrix products without a library
  private static final String TOKENIZERS = "tokenizers";

  private final Path cache;

  /// @param cache folder for unpacked libraries
  Software(Path cache) {
    this.cache = cache;
  }

  static Finding java() {
    Runtime.Version version = Runtime.version();
    String found = version + ", " + System.getProperty("java.vendor", "unknown vendor");
    return version.feature() >= 25
        ? Finding.ok("java", found)
        : Finding.missing("java", found, "nudge needs 25 or newer");
  }

  /// Checks the launcher's JVM flags before any native call, because the first native call enables
  /// native access.
  static Finding flags() {
    String collectors =
        ManagementFactory.getGarbageCollectorMXBeans().stream()
            .map(GarbageCollectorMXBean::getName)
            .collect(Collectors.joining(", "));
    String found =
        "heap up to "
            + Hardware.gigabytes(Runtime.getRuntime().maxMemory())
            + ", collectors "
            + collectors;
    List<String> missing = new ArrayList<>();
    if (!Software.class.getModule().isNativeAccessEnabled()) {
      missing.add("no --enable-native-access=ALL-UNNAMED: the JVM prints warnings");
    }
    if (!collectors.contains("MarkSweepCompact")) {
      missing.add("no -XX:+UseSerialGC: collector threads take time from training");
    }
    return missing.isEmpty()
        ? Finding.ok("jvm flags", found)
        : Finding.costs("jvm flags", found, String.join("; ", missing));
  }

  /// Checks the tools with which the launcher rebuilds changed sources.
  ///
  /// @param java folder of the running JVM
  /// @param launcher the script that started this process; null: none
  static Finding build(SearchPath path, Path java, @Nullable String launcher) {
    if (launcher != null && Files.notExists(Path.of(launcher).resolveSibling("pom.xml"))) {
      return Finding.ok("build tools", "none needed, there are no sources here");
    }
    String windows = System.getProperty("os.name", "").startsWith("Windows") ? ".cmd" : "";
    Optional<Path> maven = path.find("mvn" + windows);
    boolean compiler = ToolProvider.findFirst("javac").isPresent();
    List<String> missing = new ArrayList<>();
    if (maven.isEmpty()) {
      missing.add("no mvn on the PATH, install Maven 3.8.7 or newer");
    }
    if (!compiler) {
      missing.add("no javac in " + java + ", install a JDK 25");
    }
    String found =
        (maven.isPresent() ? maven.get().toString() : "no mvn")
            + (compiler ? ", javac" : ", no javac");
    return missing.isEmpty()
        ? Finding.ok("build tools", found)
        : Finding.costs(
            "build tools",
            found,
            String.join("; ", missing) + ": changed sources are not built until then");
  }

  static Finding vectors() {
    boolean module = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    String kernels = Kernels.fastest().name();
    if (!module) {
      return Finding.costs(
          "vector kernels",
          kernels,
          "no --add-modules jdk.incubator.vector: what is not a matrix product is many times"
              + " slower");
    }
    if (CodeKernels.isIn(Kernels.fastest())) {
      return Finding.ok("vector kernels", kernels + ", machine code for decoding");
    }
    String why =
        CodeKernels.missing(Kernels.of(List.of(new VectorKernels())))
            .orElse("--kernels leaves it out");
    return Finding.ok("vector kernels", kernels + ", no machine code: " + why);
  }

  Finding products() {
    Optional<GemmProvider> provider = GemmProvider.find();
    if (provider.isEmpty()) {
      return slowProducts("no provider on the class path");
    }
    Optional<String> problem;
    try {
      problem = provider.get().load(cache);
    } catch (NudgeException | LinkageError e) {
      problem = Optional.of(String.valueOf(e.getMessage()));
    }
    return problem.map(Software::slowProducts).orElseGet(() -> tried(provider.get()));
  }

  /// Multiplies known matrices: a library that loads may still compute wrongly on a new processor.
  private static Finding tried(GemmProvider provider) {
    List<String> wrong = provider.distrust(WIDTHS);
    if (provider.probe(Dtype.F32) == 0) {
      return slowProducts(String.join("; ", wrong));
    }
    return wrong.isEmpty()
        ? Finding.ok("matrix products", provider.name() + ", known products are right")
        : Finding.costs("matrix products", provider.name(), String.join("; ", wrong));
  }

  private static Finding slowProducts(String problem) {
    return Finding.costs(
        "matrix products",
        PLAIN,
        problem + ": training is a hundred times slower, good for tiny models only");
  }

  /// Loads a tiny tokenizer, which needs the native library.
  Finding tokenizers() {
    Path folder;
    try {
      folder = Files.createTempDirectory("nudge-doctor");
    } catch (IOException e) {
      return Finding.costs(
          TOKENIZERS,
          "not tried",
          "temporary files cannot be written ("
              + Failure.of(e).line()
              + "); set NUDGE_JAVA_OPTS=-Djava.io.tmpdir=FOLDER");
    }
    Path model = folder.resolve("tokenizer.json");
    Path config = folder.resolve("tokenizer_config.json");
    try {
      Files.writeString(
          model,
          """
          {"version": "1.0", "added_tokens": [],
           "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}
          """);
      Files.writeString(config, "{\"eos_token\": \"a\"}");
      Tokenizer.load(folder, cache).encode("a");
      return Finding.ok(TOKENIZERS, "loads");
    } catch (NoClassDefFoundError e) {
      return noTokenizers("ai.djl.huggingface:tokenizers is not on the class path");
    } catch (IOException | NudgeException | LinkageError e) {
      return noTokenizers(Failure.of(e).line());
    } finally {
      for (Path path : List.of(model, config, folder)) {
        path.toFile().delete(); // a failure leaves a few bytes in the temporary folder
      }
    }
  }

  private static Finding noTokenizers(String problem) {
    return Finding.missing(TOKENIZERS, "does not load", "no text can be read: " + problem);
  }

  /// Reports the type that `--compute auto` selects: a small product of each type is timed.
  Finding compute(Finding products) {
    Optional<GemmProvider> provider = GemmProvider.find();
    if (provider.isEmpty() || products.found().equals(PLAIN)) {
      return Finding.ok(COMPUTE, "fp32");
    }
    boolean bf16 = Backend.resolve(Compute.AUTO, cache).compute() == Dtype.BF16;
    String found =
        String.format(
            Locale.ROOT,
            "%s (a small product on one thread: bf16 %.0f, fp32 %.0f GFLOP/s)",
            bf16 ? "bf16" : "fp32",
            provider.get().probe(Dtype.BF16),
            provider.get().probe(Dtype.F32));
    return bf16
        ? Finding.ok(COMPUTE, found)
        : Finding.costs(
            COMPUTE,
            found,
            "no fast bf16 in this processor (avx512_bf16, amx_bf16): about half the speed");
  }
}
