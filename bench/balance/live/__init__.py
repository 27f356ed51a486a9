"""The same comparison over real HTTP: simulators as processes, real time, the real `maek serve`."""
