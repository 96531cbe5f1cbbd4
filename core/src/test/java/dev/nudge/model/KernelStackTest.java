package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.kernel.simd.VectorKernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.KvPool;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A made-up provider of one kernel: the others stay, a pass calls it, and the plan is its own.
class KernelStackTest {
  /// Multiplies as the kernel beneath does, and takes `spare` numbers for each product.
  private record Counted(SkinnyProduct under, int spare, AtomicInteger calls)
      implements SkinnyProduct {
    @Override
    public boolean takes(Weight w, Dtype compute) {
      return under.takes(w, compute);
    }

    @Override
    public Tensor room(Tensor x, Weight w, Workspace ws) {
      if (spare > 0) {
        ws.take(Dtype.F32, 1, spare);
      }
      return under.room(x, w, ws);
    }

    @Override
    public void arrange(Tensor x, Weight w, Tensor to) {
      under.arrange(x, w, to);
    }

    @Override
    public Tensor some(Tensor arranged, int from, int to) {
      return under.some(arranged, from, to);
    }

    @Override
    public void multiply(
        Tensor x, Weight w, Dtype compute, int from, int to, Tensor y, boolean add) {
      calls.incrementAndGet();
      under.multiply(x, w, compute, from, to, y, add);
    }
  }

  private record MadeUp(int order, int spare, AtomicInteger calls, List<Kernels> seen)
      implements Kernels.Provider {
    MadeUp(int order, int spare) {
      this(order, spare, new AtomicInteger(), new ArrayList<>());
    }

    @Override
    public Kernels over(Kernels under) {
      seen.add(under);
      return under.with(Kernels::fewRows, new Counted(under.fewRows(), spare, calls));
    }
  }

  @Test
  void aProviderReplacesOneKernelAndLeavesTheOthers() throws ReflectiveOperationException {
    MadeUp madeUp = new MadeUp(20, 0);
    Kernels stack = Kernels.of(List.of(madeUp, new VectorKernels()));
    Kernels under = madeUp.seen().getFirst();
    assertThat(under.name()).startsWith("vector");
    for (RecordComponent kernel : Kernels.class.getRecordComponents()) {
      Object now = kernel.getAccessor().invoke(stack);
      if (kernel.getName().equals("fewRows")) {
        assertThat(now).isInstanceOf(Counted.class);
      } else {
        assertThat(now).as(kernel.getName()).isSameAs(kernel.getAccessor().invoke(under));
      }
    }
  }

  @Test
  void aProviderOfLowerOrderLiesBeneath() {
    MadeUp madeUp = new MadeUp(5, 0);
    Kernels stack = Kernels.of(List.of(new VectorKernels(), madeUp));
    assertThat(madeUp.seen().getFirst().name()).isEqualTo(Kernels.PLAIN);
    assertThat(stack.fewRows()).isNotInstanceOf(Counted.class);
  }

  /// The Vector API leaves doubles to whichever kernel it was put over.
  @Test
  void whatAKernelDoesNotDoGoesToTheOneBeneathIt() {
    List<String> called = new ArrayList<>();
    Kernels told =
        Kernels.plain()
            .each(
                "told",
                new Kernels.Replacement() {
                  @Override
                  public <K> K of(Class<K> type, K kernel) {
                    return type.cast(
                        Proxy.newProxyInstance(
                            type.getClassLoader(),
                            new Class<?>[] {type},
                            (proxy, method, arguments) -> {
                              called.add(type.getSimpleName());
                              return method.invoke(kernel, arguments);
                            }));
                  }
                });
    Kernels stack = new VectorKernels().over(told);
    assertThat(stack.attend()).isSameAs(told.attend());
    try (Scope scope = Scope.open("doubles")) {
      Tensor x = scope.tensor(Dtype.F64, 2, 8);
      Tensor y = scope.tensor(Dtype.F64, 2, 8);
      Tensor weight = scope.tensor(Dtype.F64, 1, 8);
      stack.elementwise().copy(x, y);
      stack.swiGlu().forward(x, x, y);
      stack.geGlu().forward(x, x, y);
      stack.rmsNorm().forward(x, null, null, weight, y, scope.tensor(Dtype.F64, 2, 1), 1e-5, 0);
    }
    assertThat(called).containsExactly("Elementwise", "Glu", "Glu", "RmsNorm");
  }

  /// Without room of its own the plan stays; with some the dry twin takes it too.
  @ParameterizedTest
  @ValueSource(ints = {0, 10_000})
  void aPassFitsThePlanOfItsKernels(int spare) throws IOException {
    Backend own = Backends.of(Compute.FP32);
    MadeUp madeUp = new MadeUp(20, spare);
    Kernels stack = madeUp.over(own.kernels());
    Backend other =
        new Backend(own.compute(), stack, own.gemms(), own.name(), own.processor(), own.notes());
    Decoded usual = decode(own);
    Decoded made = decode(other);
    assertThat(made.logits()).isEqualTo(usual.logits());
    assertThat(made.planned()).isEqualTo(made.peak());
    assertThat(made.planned() > usual.planned()).isEqualTo(spare > 0);
    assertThat(madeUp.calls()).hasPositiveValue();
  }

  private record Decoded(List<Double> logits, long planned, long peak) {}

  private static Decoded decode(Backend backend) throws IOException {
    Path folder = GoldenFamilies.models().getFirst();
    int[] lengths = {2, 1};
    try (CausalLm model = Checkpoint.load(folder, ModelConfig.load(folder), backend);
        Team team = new Team(1);
        KvPool pool = model.pool(4, 16);
        KvCache first = pool.cache();
        KvCache second = pool.cache()) {
      model.reserve(16);
      long planned = model.measured().decodeBytes(3, 2);
      try (Workspace ws = new Workspace(0, planned, backend.gemms().apply(1))) {
        Tensor logits =
            model
                .inference()
                .decode(
                    new int[] {1, 2, 3},
                    lengths,
                    List.of(first, second),
                    new int[] {-1, -1},
                    ws,
                    team);
        List<Double> all = new ArrayList<>();
        for (long i = 0; i < logits.elements(); i++) {
          all.add(logits.at(i));
        }
        return new Decoded(all, planned, ws.peak());
      }
    }
  }
}
