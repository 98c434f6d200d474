"""What Dagster loads (definitions, jobs, sensors) and the project's own command, `lwv`."""

import warnings

from dagster import BetaWarning, PreviewWarning

warnings.filterwarnings("ignore", category=PreviewWarning)  # partitioned asset checks are in preview
warnings.filterwarnings("ignore", category=BetaWarning)
