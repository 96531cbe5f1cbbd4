package dev.nudge.train;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.GemmProvider;
import dev.nudge.tensor.onednn.OneDnn;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// oneDNN's products as a new process finds them, with a made-up measure: their instructions are
/// told once they are loaded, and bf16 is as many times faster than fp32 as a test says.
public final class BusyProducts implements GemmProvider {
  private static volatile double lead = 1;
  private static volatile boolean loaded; // in this process that a test makes up

  private final GemmProvider products = new OneDnn();

  /// Made by [java.util.ServiceLoader].
  public BusyProducts() {}

  /// Does work that finds these products.
  ///
  /// @param lead of bf16 over fp32
  static <T> T during(double lead, Supplier<T> work) {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    try {
      Path named = Files.createTempFile("busy", ".services");
      Files.writeString(named, BusyProducts.class.getName());
      BusyProducts.lead = lead;
      loaded = false;
      thread.setContextClassLoader(new Found(before, named.toUri().toURL()));
      T made = work.get();
      Files.delete(named);
      return made;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  private static final class Found extends ClassLoader {
    private final URL named;

    Found(ClassLoader parent, URL named) {
      super(parent);
      this.named = named;
    }

    @Override
    public Enumeration<URL> getResources(String name) throws IOException {
      return name.endsWith(GemmProvider.class.getName())
          ? Collections.enumeration(List.of(named))
          : super.getResources(name);
    }
  }

  @Override
  public String name() {
    return products.name();
  }

  @Override
  public String instructions() {
    return loaded ? products.instructions() : "";
  }

  @Override
  public Optional<String> load(Path cache) {
    loaded = true;
    return products.load(cache);
  }

  @Override
  public Gemm open(int threads) {
    return products.open(threads);
  }

  @Override
  public List<String> distrust(int... widths) {
    return products.distrust(widths);
  }

  @Override
  public double probe(Dtype dtype) {
    return dtype == Dtype.BF16 ? lead * 100 : 100;
  }
}
