@echo off
rem Runs the `nudge` command on Windows: finds a JDK 25, builds when there is nothing built, starts Java.
rem
rem It does what ./nudge does, less three things: newer sources start no build (delete the folder cli\target for one),
rem builds at the same time are not kept apart, and the JVM's own warning of incubator modules is shown. Nobody has run
rem it yet: it was written without a Windows machine. Set NUDGE_JAVA_OPTS to give the JVM more flags.
setlocal EnableExtensions DisableDelayedExpansion
set "home=%~dp0"
set "target=%home%cli\target"
set "crashes=%LOCALAPPDATA%\nudge"
if not exist "%crashes%" mkdir "%crashes%" 2>nul || set "crashes=%TEMP%"
set flags=--add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow ^
  -XX:+UseSerialGC -Xms32m -Xmn16m -Xmx2g -XX:TrimNativeHeapInterval=1000 -XX:-UsePerfData ^
  -XX:CompileCommand=quiet -XX:CompileCommand=CompileThresholdScaling,dev.nudge.kernel.simd.*::*,0.1 ^
  -XX:CompileCommand=dontinline,dev.nudge.tensor.Tensor::view -XX:CompileCommand=dontinline,dev.nudge.tensor.Workspace::take ^
  -Xlog:disable -Xlog:all=error:stderr -XX:ErrorFile="%crashes%\hs_err_pid%%p.log" -Dstdout.encoding=UTF-8 -Dstderr.encoding=UTF-8

rem --- a JDK, by the file `release` that every JDK has
set "jdk="
if defined JAVA_HOME call :consider "%JAVA_HOME%"
for /d %%d in ("%ProgramFiles%\Eclipse Adoptium\*" "%ProgramFiles%\Java\*" "%ProgramFiles%\Microsoft\*" ^
  "%ProgramFiles%\Zulu\*" "%ProgramFiles%\Amazon Corretto\*" "%USERPROFILE%\.jdks\*") do call :consider "%%~d"
for /f "delims=" %%j in ('where java 2^>nul') do call :consider "%%~dpj.."
if not defined jdk (
  echo nudge: needs a JDK 25: install one, for example with winget install EclipseAdoptium.Temurin.25.JDK, or set JAVA_HOME to it>&2
  exit /b 2
)

rem --- the build: Maven, then a copy of the jars with a start-up cache beside them
set "app="
if exist "%target%\app" set /p app=<"%target%\app"
if defined app if exist "%target%\%app%\nudge-cli.jar" goto run
where mvn >nul 2>nul || (
  echo nudge: needs Maven 3.8.7 or newer to build itself, and there is no mvn on the PATH: install it>&2
  exit /b 2
)
echo nudge: building, which takes half a minute the first time>&2
if not exist "%target%" mkdir "%target%"
set "JAVA_HOME=%jdk%"
set "MAVEN_OPTS=--sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED %MAVEN_OPTS%"
pushd "%home%"
call mvn -B -ntp -q -Dstyle.color=never -Plauncher -Dmaven.test.skip=true -pl cli -am package <nul >"%target%\build.log" 2>&1
set "built=%errorlevel%"
popd
if not "%built%"=="0" (
  type "%target%\build.log" >&2
  echo nudge: the build failed, the lines above say where>&2
  exit /b 1
)
set "app=app-%RANDOM%%RANDOM%"
xcopy /q /y /i "%target%\launcher\lib" "%target%\%app%\lib" >nul && copy /y "%target%\launcher\nudge-cli.jar" "%target%\%app%\" >nul || (
  echo nudge: could not write "%target%">&2
  exit /b 1
)
"%jdk%\bin\java" %flags% %NUDGE_JAVA_OPTS% -XX:AOTCacheOutput="%target%\%app%\nudge.aot" -Dnudge.rehearse=30 ^
  -jar "%target%\%app%\nudge-cli.jar" --help <nul >nul 2>nul
>"%target%\app" echo %app%

:run
set "aot="
if exist "%target%\%app%\nudge.aot" set "aot=-XX:AOTCache="%target%\%app%\nudge.aot""
chcp 65001 >nul & rem text goes out as UTF-8
"%jdk%\bin\java" %flags% %NUDGE_JAVA_OPTS% %aot% -Dnudge.launcher="%home%nudge.cmd" -jar "%target%\%app%\nudge-cli.jar" %*
exit /b %errorlevel%

:consider FOLDER takes it if it is a 25 and nothing was taken yet
if not defined jdk if exist "%~1\bin\javac.exe" findstr /b /r /c:"JAVA_VERSION=.25[^0-9]" "%~1\release" >nul 2>nul && set "jdk=%~1"
exit /b 0
