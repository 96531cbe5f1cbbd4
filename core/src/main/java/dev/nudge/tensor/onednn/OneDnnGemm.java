package dev.nudge.tensor.onednn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Multiplies by oneDNN on one stream, with products kept by shape.
///
/// A new shape of a known family costs some microseconds (its memory objects and its argument array
/// are made), a new family a millisecond (its [Primitive] is compiled), a known shape less than one
/// microsecond: three handles are set and the primitive is executed. Shapes are found in an open
/// hash
/// table by their numbers, so a call allocates nothing. The table holds at most [#CAPACITY]
/// products;
/// then the half that was used longest ago is given back. Families are few and stay.
///
/// Threading: confined to the lane that opened it.
final class OneDnnGemm implements Gemm {
  static final int CAPACITY = 1024;

  private final long engine;
  private final long stream;
  private final Gemm plain = Gemm.plain();
  private @Nullable Product[] table = new Product[2 * CAPACITY];
  private final Map<List<Long>, Primitive> families = new HashMap<>();
  private final Arena arguments = Arena.ofShared();
  private final List<MemorySegment> free = new ArrayList<>();
  private int size;
  private long clock;
  private Scope scratch = Scope.open("oneDNN scratchpad");
  private MemorySegment scratchpad = MemorySegment.NULL;

  OneDnnGemm(long engine) {
    this.engine = engine;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      Api.check((int) Api.C.STREAM_CREATE.invokeExact(out, engine, 1), "stream_create");
      this.stream = out.get(ValueLayout.JAVA_LONG, 0);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("stream_create", e);
    }
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
    if (a.dtype() == Dtype.F64) {
      plain.multiply(a, b, c, add);
      return;
    }
    Gemm.check(a, b, c);
    if (c.elements() == 0) {
      return;
    }
    if (a.shape(a.rank() - 1) == 0) {
      plain.multiply(a, b, c, add);
      return;
    }
    Product p = product(a, b, c, add);
    p.used = ++clock;
    if (p.scratchBytes > scratchpad.byteSize()) {
      scratch.close();
      scratch = Scope.open("oneDNN scratchpad");
      scratchpad = scratch.allocate(p.scratchBytes);
    }
    p.execute(stream, a.data(), b.data(), c.data(), scratchpad);
  }

  private Product product(Tensor a, Tensor b, Tensor c, boolean add) {
    int mask = table.length - 1;
    int i = Product.hash(a, b, c, add) & mask;
    while (true) {
      Product p = table[i];
      if (p == null) {
        break;
      }
      if (p.matches(a, b, c, add)) {
        return p;
      }
      i = (i + 1) & mask;
    }
    if (size == CAPACITY) {
      evict();
      return product(a, b, c, add);
    }
    Product made = make(a, b, c, add);
    table[i] = made;
    size++;
    return made;
  }

  private Product make(Tensor a, Tensor b, Tensor c, boolean add) {
    try {
      List<Long> family = Primitive.family(a, b, c, add);
      Primitive primitive = families.get(family);
      if (primitive == null) {
        primitive = Primitive.of(engine, a, b, c, add);
        families.put(family, primitive);
      }
      MemorySegment room =
          free.isEmpty() ? arguments.allocate(Product.ARGUMENTS, 8) : free.removeLast();
      return new Product(engine, primitive, a, b, c, add, room);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN product", e);
    }
  }

  private void close(Product p) {
    try {
      p.close();
      free.add(p.arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN product", e);
    }
  }

  private void evict() {
    long[] times = new long[size];
    int n = 0;
    for (Product p : table) {
      if (p != null) {
        times[n++] = p.used;
      }
    }
    java.util.Arrays.sort(times);
    long median = times[n / 2];
    @Nullable Product[] old = table;
    table = new Product[old.length];
    size = 0;
    for (Product p : old) {
      if (p != null && p.used <= median) {
        close(p);
      } else if (p != null) {
        int i = p.hash & (table.length - 1);
        while (table[i] != null) {
          i = (i + 1) & (table.length - 1);
        }
        table[i] = p;
        size++;
      }
    }
  }

  @Override
  public void close() {
    for (Product p : table) {
      if (p != null) {
        close(p);
      }
    }
    table = new Product[table.length];
    size = 0;
    scratch.close();
    scratchpad = MemorySegment.NULL;
    try {
      for (Primitive p : families.values()) {
        p.close();
      }
      families.clear();
      arguments.close();
      Api.check((int) Api.C.STREAM_DESTROY.invokeExact(stream), "stream_destroy");
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("stream_destroy", e);
    }
  }
}
