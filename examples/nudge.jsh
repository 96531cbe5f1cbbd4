// Fine-tunes and asks, from JShell:
//
//   jshell --class-path "$CP" -R--add-modules=jdk.incubator.vector -R--enable-native-access=ALL-UNNAMED \
//       -R-Dmodel=MODEL -R-Drows=rows.jsonl -R-Dout=OUT examples/nudge.jsh

import dev.nudge.Nudge
import dev.nudge.settings.train.TrainSettings
import dev.nudge.train.events.TrainEvent

var model = Path.of(System.getProperty("model"))
var out = Path.of(System.getProperty("out"))
var nudge = Nudge.here(System.out::println)
var settings = TrainSettings.of(model, Path.of(System.getProperty("rows")), out).withSteps(10)
nudge.train(settings, TrainEvent.steps(s -> System.out.println(s.step() + "  loss " + s.loss()))).state()
var session = nudge.open(model, out)
System.out.println("answer " + session.complete("pump:").text())
session.close()
/exit
