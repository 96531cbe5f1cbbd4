package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowReaderTest {
  @TempDir Path folder;

  private String file(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(folder.resolve(name).resolve("..").normalize());
    return Files.writeString(file, text).toString();
  }

  private static List<SourceLine> read(String... files) {
    List<SourceLine> all = new ArrayList<>();
    try (RowReader reader = RowReader.open(List.of(files))) {
      List<SourceLine> some = reader.next(2);
      for (; !some.isEmpty(); some = reader.next(2)) {
        all.addAll(some);
      }
    }
    return all;
  }

  @Test
  void indicesCountNonBlankLinesOverAllFiles() throws IOException {
    String a = file("a.jsonl", "\uFEFFone\r\n\n  \t\r\ntwo");
    String b = file("b.jsonl", "\n\nthree\u2028\u0085x\n\n");
    assertThat(read(a, b, a))
        .extracting(
            SourceLine::index, l -> l.file().toString(), SourceLine::number, SourceLine::text)
        .containsExactly(
            tuple(0, a, 1, "one"),
            tuple(1, a, 4, "two"),
            tuple(2, b, 3, "three\u2028\u0085x"),
            tuple(3, a, 1, "one"),
            tuple(4, a, 4, "two"));
    assertThat(read(file("empty", ""))).isEmpty();
  }

  @Test
  void globsGiveTheirFilesByName() throws IOException {
    String b = file("x/b.jsonl", "b");
    String a = file("x/a.jsonl", "a");
    String deep = file("x/y/c.jsonl", "c");
    file("x/a.txt", "no");
    String odd = file("x/[odd]*.json", "odd");
    assertThat(read(folder + "/x/*.jsonl"))
        .extracting(l -> l.file().toString())
        .containsExactly(a, b);
    assertThat(read(folder + "/**/c.jsonl"))
        .extracting(l -> l.file().toString())
        .containsExactly(deep);
    assertThat(read(folder + "/?/?.{jsonl,x}")).hasSize(2);
    assertThat(read(odd)).extracting(SourceLine::text).containsExactly("odd");
  }

  @Test
  void whatCannotBeReadIsRefusedInOneLine() throws IOException {
    refused(folder + "/none.jsonl", "none.jsonl does not exist");
    refused(folder + "/*.jsonl", "no file matches ");
    refused(folder + "/none/*.jsonl", "no file matches ");
    refused(folder.toString(), "is a folder");
    refused(folder + "/[", "is not a glob");
    Path latin = folder.resolve("latin.jsonl");
    Files.write(latin, "{}\n{\"text\": \"caf\u00E9\"}\n".getBytes(StandardCharsets.ISO_8859_1));
    refused(latin.toString(), "latin.jsonl line 2 is not UTF-8");
    Files.write(latin, "{}".getBytes(StandardCharsets.UTF_16));
    refused(latin.toString(), "latin.jsonl line 1 is not UTF-8");
  }

  private static void refused(String name, String message) {
    assertThatThrownBy(() -> read(name))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("\n");
  }
}
