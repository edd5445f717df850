"""What the layout of the repository must not become."""

import subprocess
import sys
from pathlib import Path

from tests.local.control_plane import ROOT


def test_the_folder_operator_is_no_package_for_it_would_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_standard_librarys_operator_is_found_from_the_root_of_the_checkout() -> None:
    program = "import operator, collections; print(operator.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert ROOT not in Path(found.stdout.strip()).parents
