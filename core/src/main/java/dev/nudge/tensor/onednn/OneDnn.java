package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.GemmProvider;
import dev.nudge.tensor.NativeFolder;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Loads oneDNN once a process and opens a [Gemm] for each lane.
///
/// On x86-64 oneDNN keeps the code of the last [#KEPT] products, so lanes and Gemms opened later
/// share it. Compiling a product takes a millisecond and some hundred KiB.
///
/// Threading: loading is locked; a Gemm belongs to the thread that opened it, because
/// `omp_set_num_threads` is a setting of the calling thread.
public final class OneDnn implements GemmProvider {
  private static final int MAJOR = 3;
  private static final int AVX512 = 0x20; // of dnnl_cpu_isa_t
  private static long engine;
  private static boolean avx512;
  private static boolean offersAmx;
  private static String version = "";
  private static String instructions = "";
  private static @Nullable MethodHandle ompThreads;
  private static final int KEPT = 256; // products; 70 MB of code when no Gemm uses them
  private static final int DRAWN = 60; // extra products with AMX
  private static final Set<Dtype> DISTRUSTED = EnumSet.noneOf(Dtype.class);
  private static final Set<String> NOTES = new LinkedHashSet<>();
  private static final Set<List<Integer>> CHECKED = new HashSet<>();

  /// Made by [java.util.ServiceLoader].
  public OneDnn() {}

  @Override
  public String name() {
    return version.isEmpty() ? "oneDNN" : "oneDNN " + version;
  }

  @Override
  public String instructions() {
    return instructions;
  }

  @Override
  public Optional<String> load(Path cache) {
    synchronized (OneDnn.class) {
      if (engine != 0) {
        return Optional.empty();
      }
      Optional<List<Path>> files;
      try {
        files = Natives.unpack(cache);
      } catch (NativeFolder.StrangeLibrary e) {
        return Optional.of("no oneDNN is loaded: " + e.getMessage());
      }
      if (files.isEmpty()) {
        return Optional.of("no oneDNN for " + Natives.platform() + " on the class path");
      }
      try {
        SpinWait.beforeLoading();
        Api.open(files.get());
        return start();
      } catch (IllegalArgumentException e) {
        return Optional.of("oneDNN does not load: " + Natives.refusal(files.get()));
      }
    }
  }

  private static Optional<String> start() {
    try {
      MemorySegment v = ((MemorySegment) Api.C.VERSION.invokeExact()).reinterpret(12);
      version = v.get(JAVA_INT, 0) + "." + v.get(JAVA_INT, 4) + "." + v.get(JAVA_INT, 8);
      if (v.get(JAVA_INT, 0) != MAJOR) {
        return Optional.of("oneDNN " + version + " is not version " + MAJOR);
      }
      CallMemory call = CallMemory.own();
      Api.check((int) Api.C.ENGINE_CREATE.invokeExact(call.out, Api.CPU, 0L), "engine_create");
      engine = call.made();
      int kept = Natives.platform().endsWith("x86_64") ? KEPT : 0; // code of others may be locked
      Api.check((int) Api.C.CACHE_CAPACITY.invokeExact(kept), "set_primitive_cache_capacity");
      int isa = (int) Api.C.EFFECTIVE_ISA.invokeExact();
      instructions = "isa " + Integer.toHexString(isa);
      avx512 = (isa & AVX512) != 0;
      offersAmx = offersAmx();
      Implementation.amx(offersAmx);
      try {
        ompThreads = Api.handle("omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
      } catch (IllegalStateException e) {
        ompThreads = null; // a build without OpenMP: one thread
      }
      return Optional.empty();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN does not start", e);
    }
  }

  @Override
  public Gemm open(int threads) {
    if (engine == 0) {
      throw new IllegalStateException("oneDNN is not loaded");
    }
    setThreads(threads);
    return new OneDnnGemm(engine, threads, avx512);
  }

  /// Sets the number of threads for products of the calling thread (`omp_set_num_threads`).
  static void setThreads(int threads) {
    if (ompThreads != null) {
      try {
        ompThreads.invokeExact(threads);
      } catch (Throwable e) {
        throw new IllegalStateException("omp_set_num_threads", e);
      }
    }
  }

  @Override
  public List<String> distrust(int... widths) {
    synchronized (OneDnn.class) {
      boolean kinds = CHECKED.isEmpty();
      if (!CHECKED.add(Arrays.stream(widths).boxed().toList())) {
        return List.copyOf(NOTES);
      }
      if (Implementation.amx() && !right(Dtype.BF16, kinds, widths)) {
        withoutAmx("products in AMX's fastest code are wrong on this processor");
      }
      if (kinds && Implementation.amx() && !sameInCompany(Dtype.BF16)) {
        withoutAmx("a row's bits depend on the rows beside it in AMX's fastest code");
      }
      for (Dtype dtype : List.of(Dtype.BF16, Dtype.F32)) {
        if (!right(dtype, kinds, widths)) {
          DISTRUSTED.add(dtype);
          NOTES.add(
              String.format(
                  "products of %s are wrong on this processor with %s, so none are computed",
                  shown(dtype), name()));
        } else if (kinds && !sameInCompany(dtype)) {
          NOTES.add(
              String.format(
                  "a row's bits depend on the rows beside it in products of %s on this processor"
                      + " with %s, so an answer may depend on what else is computed",
                  shown(dtype), name()));
        }
      }
      return List.copyOf(NOTES);
    }
  }

  private static String shown(Dtype dtype) {
    return dtype == Dtype.BF16 ? "bf16" : "fp32";
  }

  private static void withoutAmx(String reason) {
    Implementation.amx(false);
    PackedLayout.forget();
    instructions += " without AMX"; // results differ with AMX
    NOTES.add(reason + ", so other code makes them");
  }

  private boolean sameInCompany(Dtype dtype) {
    try (Gemm gemm = open(1)) {
      return KnownProducts.sameInCompany(gemm, dtype);
    }
  }

  private boolean right(Dtype dtype, boolean kinds, int... widths) {
    try (Gemm gemm = open(1)) {
      boolean right =
          (!kinds || KnownProducts.right(gemm, KnownProducts.kinds(dtype)))
              && KnownProducts.right(gemm, KnownProducts.layers(dtype, widths));
      boolean careful = kinds && offersAmx && dtype == Dtype.BF16;
      return right && (!careful || KnownProducts.right(gemm, KnownProducts.drawn(dtype, DRAWN)));
    }
  }

  /// Whether oneDNN would compute a product of bf16 on AMX here.
  private static boolean offersAmx() throws Throwable {
    Implementation.amx(true);
    Tensor square = Tensor.dry(Dtype.BF16, 64, 64);
    long b = Primitive.descriptor(square);
    long pd = Primitive.chosen(engine, square, b, square, false, true, Primitive.FIXED_SIZES);
    Primitive.destroy(b);
    boolean amx = pd != 0 && Implementation.onAmx(Implementation.name(pd));
    Implementation.destroy(pd);
    return amx;
  }

  @Override
  public double probe(Dtype dtype) {
    synchronized (OneDnn.class) {
      if (DISTRUSTED.contains(dtype)) {
        return 0;
      }
    }
    int n = 256;
    try (Scope scope = Scope.open("probe");
        Gemm gemm = open(1)) {
      Tensor a = scope.tensor(dtype, n, n);
      Tensor b = scope.tensor(dtype, n, n);
      Tensor c = scope.tensor(dtype.accumulator(), n, n);
      gemm.multiply(a, b, c, false);
      long best = Long.MAX_VALUE;
      for (int i = 0; i < 5; i++) {
        long start = System.nanoTime();
        gemm.multiply(a, b, c, false);
        best = Math.min(best, System.nanoTime() - start);
      }
      return 2.0 * n * n * n / best;
    } catch (UnsupportedOperationException e) {
      return 0;
    }
  }
}
