package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Runs a command that replaces a folder again and again, each time with another of its changes
/// gone wrong, and looks whether the folder is the old one or a new one.
///
/// @param before the old folder
/// @param out where it stands, and is replaced
/// @param news what the new folder may be
/// @param changing names whose bytes no two runs share
public record FaultRounds(
    Path before, Path out, Set<Map<String, String>> news, Set<String> changing) {

  /// The next command that looks at the folder.
  public interface Looking {
    void at(Path folder);
  }

  /// All changes, or every `stride`-th from a random one on. A command whose change was refused may
  /// end well only if the new folder is there.
  ///
  /// @return how often the command was run
  public int failing(Faults.Kind kind, int stride, Runnable command, Looking next)
      throws IOException {
    int rounds = 0;
    boolean met = true;
    for (int n = 1 + Seeds.random().nextInt(stride); met; n += stride) {
      Faults.restore(before, out);
      Faults.Outcome outcome = Faults.outcome(kind, n, command);
      met = outcome.met();
      look(kind + " at " + n, kind == Faults.Kind.KILLED, next);
      if (!outcome.told()) {
        assertThat(Faults.files(out))
            .as("%s at %d, and nobody was told", kind, n)
            .isNotEqualTo(Faults.files(before));
      }
      rounds++;
    }
    return rounds;
  }

  /// Kills a child process at each change, or at every `stride`-th from a random one on.
  ///
  /// @param main class whose first argument is the number of the change, 0 for none
  public int killing(int stride, Class<?> main, List<String> arguments, Looking next)
      throws IOException, InterruptedException {
    int rounds = 0;
    int code = 9;
    for (int n = 1 + Seeds.random().nextInt(stride); code == 9; n += stride) {
      Faults.restore(before, out);
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
      command.add("--enable-native-access=ALL-UNNAMED");
      command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"));
      command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
      command.add(Integer.toString(n));
      command.addAll(arguments);
      code =
          new ProcessBuilder(command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor();
      assertThat(code).as("halted at %d, or done", n).isIn(9, 0);
      look("halted at " + n, true, next);
      rounds++;
    }
    return rounds;
  }

  private void look(String when, boolean killed, Looking next) throws IOException {
    next.at(out);
    assertThat(out.resolve(".nudge.old")).as(when).doesNotExist();
    assertThat(out.resolve(".nudge.put")).as(when).doesNotExist();
    Map<String, String> found = Faults.files(out);
    Map<String, String> old = Faults.files(before);
    if (killed) {
      found.keySet().removeIf(name -> name.endsWith(".tmp")); // grew; the next one writes over it
    }
    if (!found.equals(old)) {
      assertThat(news).as(when).contains(fixed(found, changing));
      for (String name : changing) {
        assertThat(found.get(name))
            .as("%s: %s", when, name)
            .isNotNull()
            .isNotEqualTo(old.get(name));
      }
    }
  }

  /// The files whose bytes are those of each run, and that each save has: a checkpoint names its
  /// run, and curves are drawn at the end.
  public static Map<String, String> fixed(Map<String, String> files, Set<String> changing) {
    Map<String, String> fixed = new TreeMap<>(files);
    fixed.keySet().removeAll(changing);
    fixed
        .keySet()
        .removeIf(
            name ->
                name.startsWith("checkpoints/")
                    || List.of("loss.svg", "events.jsonl").contains(name));
    return fixed;
  }
}
