package dev.nudge.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PageAdviceTest {
  private static final int BYTES = 1 << 20;

  /// Pages that were evicted are away, and come when they are asked for, before anybody reads them.
  @Test
  void whatIsAskedForIsRead(@TempDir Path folder) throws IOException {
    try (FileChannel file =
            FileChannel.open(
                folder.resolve("a"),
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        Arena arena = Arena.ofShared()) {
      file.write(ByteBuffer.allocate(2 * BYTES));
      file.force(true); // a page that is not written cannot be evicted
      MemorySegment mapped = FileMemory.map(file, 2 * BYTES, arena);
      Tensor first = Tensor.of(mapped.asSlice(0, BYTES), Dtype.U8, 1, BYTES);
      Tensor second = Tensor.of(mapped.asSlice(BYTES, BYTES), Dtype.U8, 1, BYTES);
      assertThat(mapped.get(ValueLayout.JAVA_BYTE, BYTES / 2)).isZero();
      assertThat(PageAdvice.isAway(first.data())).isFalse();

      PageAdvice.evict(mapped);
      assumeTrue(PageAdvice.isAway(first.data()), "this file system keeps its pages");
      PageAdvice.ask(List.of(first, second));
      long end = System.nanoTime() + 20_000_000_000L;
      while ((PageAdvice.isAway(first.data()) || PageAdvice.isAway(second.data()))
          && System.nanoTime() < end) {
        Thread.onSpinWait();
      }
      assertThat(PageAdvice.isAway(first.data())).isFalse();
      assertThat(PageAdvice.isAway(second.data())).isFalse();
    }
  }

  @Test
  void memoryOfNoFileIsNeverAway() {
    try (Scope scope = Scope.open("test")) {
      Tensor tensor = scope.tensor(Dtype.F32, 64, 64);
      assertThat(PageAdvice.isAway(tensor.data())).isFalse();
      PageAdvice.ask(List.of(tensor));
      PageAdvice.ask(List.of());
    }
  }
}
